# The drop-ins of systemd/.
begins overrides
