//! Views, which read each other in any order: made in rounds, until a round makes none. Those that are left then read something
//! that is not there: a table that is gone, which both servers let a view outlive, or what another database has elsewhere.
//! They are left out and named, with the views over them.

use super::session::LACKING;
use super::{MysqlTarget, MysqlTargetSession};
use crate::mysql::Result;
use crate::mysql::error::number;
use offshoot_core::target::{Adapted, Executed, Work};
use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

/// The views of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Views {
    all: Vec<Work>,
    /// What became of those that were tried and not asked for yet, by their labels.
    tried: HashMap<String, Tried>,
}

#[derive(Debug)]
enum Tried {
    Made,
    /// Something that it reads is not there; what the server says of it.
    LeftOut(String),
    /// The server refused it otherwise: it is tried again in its turn, so that the failure is its own.
    Refused,
}

impl Views {
    pub(super) fn of(adapted: &Adapted) -> Self {
        Self { all: adapted.works.iter().filter(|work| is_view(work)).cloned().collect(), tried: HashMap::new() }
    }
}

/// Whether it makes a view.
pub(super) fn is_view(work: &Work) -> bool {
    work.label.starts_with("VIEW ")
}

impl MysqlTarget {
    pub(super) fn views(&self) -> MutexGuard<'_, Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MysqlTargetSession<'_> {
    /// Makes a view, and with the first one all others.
    pub(super) fn make_view(&mut self, work: &Work) -> Result<Executed> {
        let known = self.target.views().tried.remove(&work.label);
        let outcome = match known {
            Some(outcome) => outcome,
            // The first one, also of a plan that is applied again.
            None => {
                let mut waiting = self.target.views().all.clone();
                if !waiting.iter().any(|view| view.label == work.label) {
                    waiting.push(work.clone());
                }
                let mut tried = self.make_in_rounds(waiting)?;
                let outcome = tried.remove(&work.label);
                self.target.views().tried = tried;
                outcome.unwrap_or(Tried::Refused)
            }
        };
        match outcome {
            Tried::Made => Ok(Executed::Done),
            Tried::LeftOut(why) => Ok(Executed::LeftOut { why }),
            Tried::Refused => self.execute_all(work).map(|_| Executed::Done),
        }
    }

    fn make_in_rounds(&mut self, mut waiting: Vec<Work>) -> Result<HashMap<String, Tried>> {
        let mut tried = HashMap::new();
        loop {
            let mut missing = Vec::new();
            let before = waiting.len();
            for view in waiting {
                match self.execute_all(&view) {
                    Ok(_) => drop(tried.insert(view.label, Tried::Made)),
                    Err(error) => match error.number() {
                        Some(number) if LACKING.contains(&number) => missing.push((view, error.to_string())),
                        None | Some(number::INTERRUPTED) => return Err(error),
                        Some(_) => drop(tried.insert(view.label, Tried::Refused)),
                    },
                }
            }
            if missing.is_empty() || missing.len() == before {
                tried.extend(missing.into_iter().map(|(view, why)| (view.label, Tried::LeftOut(why))));
                return Ok(tried);
            }
            waiting = missing.into_iter().map(|(view, _)| view).collect();
        }
    }
}
