//! The Internet checksum (RFC 1071), with wide adds.
