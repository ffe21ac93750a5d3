//! The command as a process: what it prints, its exit codes, and what it leaves.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod bad_source;
mod branch_kills;
mod branches;
mod branches_mysql;
mod busy;
mod canaries;
mod capture;
mod checkouts;
mod full_disk;
mod full_target;
mod hosted;
mod image_load;
mod interrupt;
mod key;
mod killed;
mod kills;
mod logs;
mod memory;
mod memory_mysql;
mod mysql;
mod mysql_restore;
mod names;
mod nest;
mod peers;
mod pool;
mod power;
mod privileges;
mod reach;
mod restore;
mod roles;
mod rows;
mod scan;
mod scrub;
mod session;
mod standby;
mod strangers;
mod subvolumes;
mod targets;
mod terminal;
mod told;
mod unlucky;
mod users;
mod words;
