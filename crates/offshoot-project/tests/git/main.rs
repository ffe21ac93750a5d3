//! The hooks under real Git: what each command does to the databases, in repositories of its own.

mod checkout;
mod deletion;
mod hooks;
mod program;
mod repository;
