//! Names the shared library as programs will ask for it at run time.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsockeye.so.0");
    // Handlers registered with pthread_atfork() and stdio streams point into the library: it stays.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
