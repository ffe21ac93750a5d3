//! Where the time of a restore goes: each moment is shared equally among the tasks that run in it, so that the steps of a
//! report add up to the whole although they overlap.
//!
//! It reads no clock: it is told when tasks begin and end.

use crate::report::StepTime;
use std::time::Duration;

/// What moments count as in which no task runs: sessions are opened, or wait.
const IDLE: &str = "connect";

/// The times of the steps, and which tasks run.
#[derive(Debug, Default)]
pub(crate) struct StepClock {
    steps: Vec<StepTime>,
    running: Vec<&'static str>,
    last: Duration,
}

impl StepClock {
    /// A task of this step begins.
    pub(crate) fn begin(&mut self, name: &'static str, now: Duration) {
        self.pass(now);
        self.running.push(name);
        self.step(name, now);
    }

    /// A task of this step has ended.
    pub(crate) fn end(&mut self, name: &'static str, now: Duration) {
        self.pass(now);
        if let Some(at) = self.running.iter().position(|&running| running == name) {
            self.running.swap_remove(at);
        }
    }

    /// The steps, in the order of their beginnings.
    pub(crate) fn finish(&mut self, now: Duration) -> Vec<StepTime> {
        self.pass(now);
        std::mem::take(&mut self.steps)
    }

    fn pass(&mut self, now: Duration) {
        let (from, passed) = (self.last, now.saturating_sub(self.last));
        self.last = self.last.max(now);
        if self.running.is_empty() {
            self.running.push(IDLE);
            self.share(from, passed, now);
            self.running.clear();
        } else {
            self.share(from, passed, now);
        }
    }

    fn share(&mut self, from: Duration, passed: Duration, now: Duration) {
        let each = passed / self.running.len() as u32;
        for at in 0..self.running.len() {
            let step = self.step(self.running[at], from);
            step.ended = now;
            step.share += each;
        }
    }

    fn step(&mut self, name: &'static str, now: Duration) -> &mut StepTime {
        let at = self.steps.iter().position(|step| step.name == name).unwrap_or_else(|| {
            self.steps.push(StepTime { name, began: now, ended: now, share: Duration::ZERO });
            self.steps.len() - 1
        });
        &mut self.steps[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up_although_they_overlap() {
        let at = Duration::from_millis;
        let mut clock = StepClock::default();
        clock.begin("mark", at(10));
        clock.end("mark", at(20));
        clock.begin("rows", at(20));
        clock.begin("rows", at(20));
        clock.end("rows", at(50));
        clock.begin("indexes", at(50));
        clock.end("rows", at(70));
        clock.end("indexes", at(90));
        clock.begin("mark", at(90));
        clock.end("mark", at(91));
        let steps = clock.finish(at(100));
        let told: Vec<_> =
            steps.iter().map(|step| (step.name, step.share.as_millis(), step.ended.as_millis())).collect();
        assert_eq!(told, [("connect", 19, 100), ("mark", 11, 91), ("rows", 40, 70), ("indexes", 30, 90)]);
        assert_eq!(steps.iter().map(|step| step.share).sum::<Duration>(), at(100));
    }
}
