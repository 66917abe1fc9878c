//! Whom the end of a program wakes.

use nix::sys::signal::{SigSet, Signal};

/// Keeps the calling thread from being woken by the end of a program: for the one that only waits for the daemon's own end.
///
/// An end is noticed by the program's descriptor (pidfd). The signal that comes with it means nothing then, but while the
/// thread that should ignore it is starting another program, and hears no signal, the kernel wakes the main thread to do so.
/// Threads made earlier still hear it, for systems without such descriptors.
pub fn leave_ends_to_others() {
    // At worst it is woken.
    ends().thread_block().ok();
}

/// Takes that back: a program starts with the signals blocked that the thread which starts it has blocked.
pub(super) fn hear_ends() {
    ends().thread_unblock().ok();
}

fn ends() -> SigSet {
    SigSet::from_iter([Signal::SIGCHLD])
}

#[cfg(test)]
mod tests {
    use crate::process::{Spec, leave_ends_to_others, run};

    #[tokio::test]
    async fn a_program_hears_every_signal() {
        leave_ends_to_others();
        let spec = Spec {
            program: "/bin/grep".into(),
            arg0: "grep".into(),
            args: ["^SigBlk", "/proc/self/status"].map(Into::into).to_vec(),
            environment: Vec::new(),
            directory: None,
            stdin: None,
            output_bytes: 1024,
            limit: None,
        };
        let ended = run(spec, || ()).await.unwrap();
        assert_eq!(String::from_utf8(ended.output).unwrap(), format!("SigBlk:\t{}\n", "0".repeat(16)));
    }
}
