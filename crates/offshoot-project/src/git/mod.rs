//! A database branch for every Git branch: made at its checkout, followed by `DATABASE_URL`, deleted with it.
//!
//! Three hooks are all that is installed ([`install`]): `post-checkout`; `post-rewrite`, because a rebase of another branch
//! ends with checking that out; and `reference-transaction`, the only one that Git runs when a branch is deleted. A hook decides nothing and can fail nothing: it starts a process that lives on its own,
//! waits for it a little, and exits 0 ([`run_hook`]). That process brings the databases to what Git has ([`sync`]), whatever
//! started it; so a hook that did not run, or was killed, is made up for by the next one or by the next command.
//!
//! What Git has is asked when the process that ran the hook is through. What the hook is told would not do: to Git, renaming
//! a branch is deleting one, and packing references deletes them too.
//!
//! A detached HEAD (of a tag, a rebase, a bisection) makes no branch and changes no file: the application stays with the
//! database that it had.

mod command;
mod exclude;
mod hooks;
mod means;
mod naming;
mod place;
mod registry;
mod repository;
mod script;
mod settle;
mod sync;
mod trigger;

pub use hooks::{InstallOptions, Installed, Uninstalled, install, means, uninstall};
pub use means::Means;
pub use repository::{Head, Repository};
pub use sync::{Gone, SyncOptions, Synced, gone, sync};
pub use trigger::{CHECKOUT_WAIT_MAX, HookContext, run_hook, tell};
