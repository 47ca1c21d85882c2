//! What a model is checked with in place of `raw`.
