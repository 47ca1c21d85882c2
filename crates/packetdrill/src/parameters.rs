//! Parameters of Linux's modules, which scripts set by writing to files below `/sys/module`. They are what the host under test has
//! anyway, so what is written goes nowhere; without that, the shell could not open the files, and the script would end.

mod raw;

use core::ffi::CStr;

/// The file to open instead of `path`, if it is a parameter of a congestion control.
fn instead_of(path: &CStr) -> Option<&'static CStr> {
    path.to_bytes().starts_with(b"/sys/module/tcp_").then_some(c"/dev/null")
}

#[cfg(test)]
mod tests;
