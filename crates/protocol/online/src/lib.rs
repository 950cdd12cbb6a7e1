//! Online protocols over additive and Boolean shares; each equals its spec exactly.
