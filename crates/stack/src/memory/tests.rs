//! Levels, and what they allow.
