//! The command `hookbell`: a result becomes an exit code.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use hookbell::cli::Program;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    match hookbell::cli::run(&args) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            // The whole chain of causes in one line. Not `eprintln`: it panics where stderr is gone.
            let name = args.first().map_or(Program::Hookbell, |name| Program::named(name)).as_str();
            writeln!(std::io::stderr(), "{name}: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}
