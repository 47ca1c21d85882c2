//! Why the command ends without success: a status and one line.

use sockeye_host::SetupError;
use std::io;

/// An exit status, and one line for standard error; an empty line is not printed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u8,
    pub(crate) message: String,
}

impl Failure {
    /// Wrong arguments, a bad network file, something that cannot be set up: status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { status: 2, message: message.into() }
    }

    /// What was asked for was done, and the answer is no: status 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { status: 1, message: message.into() }
    }
}

impl From<SetupError> for Failure {
    fn from(SetupError(message): SetupError) -> Self {
        Self::usage(message)
    }
}

/// Writing to standard output failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // The reader has seen enough.
            return Self { status: 0, message: String::new() };
        }
        Self::failed(format!("cannot write the output: {error}"))
    }
}
