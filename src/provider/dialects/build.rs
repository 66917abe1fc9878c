//! Lists the dialects of this folder for the program, so that adding one is adding a file.

use std::fmt::Write as _;
use std::path::Path;

fn main() -> std::io::Result<()> {
    // Asked when it runs: what was built elsewhere and copied here with its target must not list the dialects of there.
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| std::io::Error::other("cargo names no package"))?;
    let folder = Path::new(&package).join("src/provider/dialects");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files =
        std::fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    let mut list = format!("static BUILT_IN: [BuiltIn; {}] = [\n", files.len());
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(list, "    BuiltIn::new({name:?}, include_str!({:?})),", file.to_string_lossy()).ok();
    }
    list.push_str("];\n");
    let out = std::env::var_os("OUT_DIR").ok_or_else(|| std::io::Error::other("cargo names no OUT_DIR"))?;
    std::fs::write(Path::new(&out).join("dialects.rs"), list)
}
