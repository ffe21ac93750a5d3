//! Captures whose connections are lost: an error that says that it may pass, or the whole; never a part of it.

use crate::kit::engines;
use crate::source::{capture, how, ledger, state, steps};
use offshoot_core::{Control, CoreError, Event};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_capture_that_is_cut_off_at_any_step_is_whole_or_none_and_the_next_is_whole() {
    for engine in engines() {
        let db = ledger(&engine, "cut_off");
        let moments = steps(&engine, &db).into_iter().map(Some).chain([None]);
        let whole = state(capture(&engine, &db, &how(2), &Control::default()).unwrap().1);
        let mut cut = 0;
        std::thread::scope(|scope| {
            for moment in moments {
                let (to, asked) = std::sync::mpsc::channel::<std::sync::mpsc::Sender<()>>();
                let (engine, db_of) = (&engine, &db);
                scope.spawn(move || {
                    while let Ok(done) = asked.recv() {
                        engine.end_sessions(db_of);
                        let _ = done.send(());
                    }
                });
                let (is_done, at, to) = (Arc::new(AtomicBool::new(false)), moment.clone(), std::sync::Mutex::new(to));
                let control = Control::new(move |event| {
                    let is_it = match (event, &at) {
                        (Event::Step { name }, Some(at)) => name == at,
                        (Event::Rows { .. }, None) => true,
                        _ => false,
                    };
                    if is_it && !is_done.swap(true, Ordering::SeqCst) {
                        let (done, ended) = std::sync::mpsc::channel();
                        to.lock().unwrap().send(done).unwrap();
                        ended.recv().unwrap();
                    }
                });
                match capture(engine, &db, &how(2), &control) {
                    Ok((_, memory)) => assert!(state(memory) == whole, "{} {moment:?} is not whole", engine.name),
                    Err(CoreError::Source { retryable: true, .. }) => cut += 1,
                    Err(error) => panic!("{} {moment:?}: {error:?}", engine.name),
                }
            }
        });
        assert!(cut > 0, "{}: nobody noticed", engine.name);
        assert!(state(capture(&engine, &db, &how(2), &Control::default()).unwrap().1) == whole, "{}", engine.name);
        println!("{}: {cut} captures were cut off, parts of a database taken for whole: 0", engine.name);
    }
}
