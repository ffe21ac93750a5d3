//! Which task runs next: those whose needs are met, the earlier stage first, within a stage the largest first; never two
//! that lock each other.
//!
//! Pure bookkeeping; threads and sessions are elsewhere.

use crate::plan::{Task, TaskKind};
use std::collections::{HashMap, HashSet};

/// The state of all tasks.
#[derive(Debug)]
pub(crate) struct Schedule<'a> {
    tasks: &'a [Task],
    waits_for: Vec<usize>,
    frees: Vec<Vec<usize>>,
    ready: Vec<usize>,
    running: usize,
    left: usize,
    exclusive: HashSet<&'a (String, String)>,
    shared: HashMap<&'a (String, String), usize>,
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(tasks: &'a [Task]) -> Self {
        let mut frees = vec![Vec::new(); tasks.len()];
        let mut waits_for = vec![0; tasks.len()];
        for (index, task) in tasks.iter().enumerate() {
            let needs: HashSet<usize> = task.needs.iter().copied().collect();
            waits_for[index] = needs.len();
            needs.into_iter().for_each(|need| frees[need].push(index));
        }
        let mut schedule = Self {
            tasks,
            waits_for,
            frees,
            ready: Vec::new(),
            running: 0,
            left: tasks.len(),
            exclusive: HashSet::new(),
            shared: HashMap::new(),
        };
        for index in 0..tasks.len() {
            if schedule.waits_for[index] == 0 {
                schedule.make_ready(index);
            }
        }
        schedule
    }

    /// Whether everything is done.
    pub(crate) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// The next task for a session, if there is one for it now.
    pub(crate) fn take(&mut self, is_first_session: bool) -> Option<usize> {
        let may_run = |&&index: &&usize| {
            let task = &self.tasks[index];
            (is_first_session || !task.first_session) && self.is_free(task)
        };
        let order = |&&index: &&usize| (self.tasks[index].stage, std::cmp::Reverse(self.tasks[index].bytes), index);
        let index = *self.ready.iter().filter(may_run).min_by_key(order)?;
        self.ready.retain(|&other| other != index);
        let task = &self.tasks[index];
        self.exclusive.extend(&task.exclusive);
        if let Some(table) = &task.shared {
            *self.shared.entry(table).or_default() += 1;
        }
        self.running += 1;
        Some(index)
    }

    /// A task that was taken is done.
    pub(crate) fn done(&mut self, index: usize) {
        let task = &self.tasks[index];
        for table in &task.exclusive {
            self.exclusive.remove(table);
        }
        if let Some(count) = task.shared.as_ref().and_then(|table| self.shared.get_mut(table)) {
            *count -= 1;
        }
        self.running -= 1;
        self.finish(index);
    }

    fn finish(&mut self, index: usize) {
        self.left -= 1;
        for freed in std::mem::take(&mut self.frees[index]) {
            self.waits_for[freed] -= 1;
            if self.waits_for[freed] == 0 {
                self.make_ready(freed);
            }
        }
    }

    fn make_ready(&mut self, index: usize) {
        if self.tasks[index].kind == TaskKind::Barrier { self.finish(index) } else { self.ready.push(index) }
    }

    fn is_free(&self, task: &Task) -> bool {
        let is_shared = |table| self.shared.get(table).is_some_and(|&count| count > 0);
        task.exclusive.iter().all(|table| !self.exclusive.contains(table) && !is_shared(table))
            && task.shared.as_ref().is_none_or(|table| !self.exclusive.contains(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_core::target::Stage;

    fn task(stage: Stage, needs: &[usize], exclusive: &[&str], bytes: u64) -> Task {
        Task {
            kind: TaskKind::Compare,
            stage,
            label: String::new(),
            needs: needs.to_vec(),
            first_session: false,
            exclusive: exclusive.iter().map(|&name| (String::new(), name.to_owned())).collect(),
            shared: None,
            bytes,
        }
    }

    #[test]
    fn the_largest_runs_first_and_locks_are_respected() {
        let tasks = [
            task(Stage::Rows, &[], &["a"], 1),
            task(Stage::Rows, &[], &["b"], 9),
            task(Stage::ForeignKey, &[], &["a", "b"], 0),
            task(Stage::Validate, &[2], &[], 0),
        ];
        let mut schedule = Schedule::new(&tasks);
        assert_eq!(schedule.take(false), Some(1));
        assert_eq!(schedule.take(false), Some(0));
        assert_eq!(schedule.take(false), None);
        schedule.done(0);
        assert_eq!(schedule.take(false), None);
        schedule.done(1);
        assert_eq!(schedule.take(false), Some(2));
        schedule.done(2);
        assert_eq!(schedule.take(false), Some(3));
        schedule.done(3);
        assert!(schedule.is_done());
    }

    #[test]
    fn the_first_session_alone_gets_its_tasks() {
        let mut tasks = [task(Stage::PreData, &[], &[], 0)];
        tasks[0].first_session = true;
        let mut schedule = Schedule::new(&tasks);
        assert_eq!(schedule.take(false), None);
        assert_eq!(schedule.take(true), Some(0));
    }
}
