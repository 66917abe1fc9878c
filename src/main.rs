//! The command `hookbell`.

fn main() {}
