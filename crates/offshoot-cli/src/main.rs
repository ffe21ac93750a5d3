//! The command `offshoot`.
fn main() {}
