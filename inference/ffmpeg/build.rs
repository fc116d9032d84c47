//! Finds FFmpeg, and compiles the C part of this crate against its headers.
//!
//! `VERBATIM_FFMPEG` is the folder of an installation, or `system` for the system's shared libraries by
//! pkg-config. Without it, the libraries are those that `scripts/setup.sh` has built.

use std::env;
use std::path::PathBuf;
use std::process::exit;

/// Libraries in the order in which a linker needs them.
const LIBRARIES: [&str; 4] = ["avformat", "avcodec", "swresample", "avutil"];

fn main() {
    for variable in ["VERBATIM_FFMPEG", "VERBATIM_TOOLS", "XDG_CACHE_HOME", "HOME"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=src/shim.c");
    println!("cargo::rerun-if-changed=src/shim.h");
    let mut shim = cc::Build::new();
    shim.file("src/shim.c").std("c11").opt_level(3).warnings(true).extra_warnings(true);
    // The shim is linked before the libraries that it needs.
    match env::var_os("VERBATIM_FFMPEG") {
        Some(choice) if choice == "system" => {
            let found: Vec<_> = LIBRARIES
                .iter()
                .map(|name| pkg_config::Config::new().cargo_metadata(false).probe(&format!("lib{name}")))
                .collect();
            for library in &found {
                match library {
                    Ok(library) => {
                        shim.includes(&library.include_paths);
                    }
                    Err(error) => fail(&format!(
                        "{error}\ninstall FFmpeg's development packages (on Debian: libavformat-dev)"
                    )),
                }
            }
            shim.compile("verbatim_ffmpeg_shim");
            for library in found.into_iter().flatten() {
                library
                    .link_paths
                    .iter()
                    .for_each(|path| println!("cargo::rustc-link-search=native={}", path.display()));
                library.libs.iter().for_each(|name| println!("cargo::rustc-link-lib=dylib={name}"));
            }
        }
        folder => {
            let folder = folder.map_or_else(built, PathBuf::from);
            let library = folder.join("lib/libavcodec.a");
            println!("cargo::rerun-if-changed={}", library.display());
            if !library.exists() {
                fail(&format!(
                    "FFmpeg is not in {}: run scripts/setup.sh, or set VERBATIM_FFMPEG to an installation or to `system`",
                    folder.display()
                ));
            }
            shim.include(folder.join("include")).compile("verbatim_ffmpeg_shim");
            println!("cargo::rustc-link-search=native={}", folder.join("lib").display());
            LIBRARIES.iter().for_each(|name| println!("cargo::rustc-link-lib=static={name}"));
            println!("cargo::rustc-link-lib=dylib=m");
        }
    }
}

/// Folder in which `scripts/setup.sh` puts what it builds.
fn built() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let tools = folder("VERBATIM_TOOLS").unwrap_or_else(|| {
        folder("XDG_CACHE_HOME")
            .or_else(|| Some(folder("HOME")?.join(".cache")))
            .unwrap_or_default()
            .join("verbatim/tools")
    });
    tools.join("ffmpeg")
}

fn fail(why: &str) -> ! {
    eprintln!("{why}");
    exit(1)
}
