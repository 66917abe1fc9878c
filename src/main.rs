//! The command `hookbell`: a result becomes an exit code.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    match hookbell::cli::run(&args) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            // The whole chain of causes in one line. Not `eprintln`: it panics where stderr is gone.
            writeln!(std::io::stderr(), "hookbell: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}
