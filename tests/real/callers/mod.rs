//! Real monitoring programs, each with the files that `examples/` gives for it: what they tell rings at a phone.

mod alertmanager;
mod bacula;
mod checks;
mod hosts;
mod lab;
mod phone;
mod rsyslog;
mod scripts;
mod zabbix;
