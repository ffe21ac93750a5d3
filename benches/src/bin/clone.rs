//! Cloning a tree as large as a data folder, beside `cp -a --reflink=always`, in turn, on XFS and btrfs through loop devices.
//!
//! It prints medians in milliseconds. Argument: `--sizes 0.1,1,5` in GB. Wants root.

#![allow(clippy::expect_used)]

use offshoot_benches::Numbers;
use offshoot_benches::harness::{Arguments, Result, median};
use offshoot_core::Control;
use offshoot_restore::clone::{
    CloneOptions, Method, clone_tree, create_tree, own_bytes, probe, remove_tree, sync_tree,
};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Rounds, in each of which everything has its turn.
const ROUNDS: usize = 11;
/// Files of a data folder with one database besides those that a cluster has at once.
const FILES: u64 = 1900;
/// Files of the databases that a cluster has at once, and their sizes at most.
const SMALL_FILES: u64 = 960;
const SMALL_BYTES_MAX: u64 = 64 << 10;
/// Bytes of the largest files.
const SEGMENT_BYTES: u64 = 1 << 30;

fn main() -> Result<()> {
    let arguments = Arguments::of(&["--sizes"])?;
    let sizes = arguments.sizes()?;
    println!("| file system | GB | how | clone | of cp | own bytes | remove |\n|---|---|---|---|---|---|---|");
    for kind in [Kind::Xfs, Kind::Btrfs] {
        for &size in &sizes {
            let bytes = (size * 1e9) as u64;
            if let Some(disk) = LoopDisk::mount(kind, bytes / (1 << 20) * 5 / 4 + 1024) {
                measure(disk.path(), bytes, kind, size);
            }
        }
    }
    Ok(())
}

/// What is compared.
fn contenders(best: Method) -> Vec<(String, Option<(Method, usize)>)> {
    let mut all = vec![("cp -a --reflink=always".to_owned(), None)];
    let reflink = |threads| (format!("reflink, threads: {threads}"), Some((Method::Reflink, threads)));
    all.extend([1, 2, 3, 4].map(reflink));
    if best == Method::Snapshot {
        all.push(("snapshot".to_owned(), Some((Method::Snapshot, 1))));
    }
    all
}

fn measure(folder: &Path, bytes: u64, kind: Kind, size: f64) {
    let best = probe(folder).expect("a probe").method;
    let (tree, to) = (folder.join("image"), folder.join("clone"));
    fill(&tree, bytes, best);
    let contenders = contenders(best);
    let mut times: BTreeMap<&str, [Vec<f64>; 3]> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (name, how) in &contenders {
            let mut timed = |at: usize, work: &dyn Fn()| {
                let began = Instant::now();
                work();
                times.entry(name).or_default()[at].push(began.elapsed().as_secs_f64() * 1e3);
            };
            timed(0, &|| match how {
                None => copy(&tree, &to),
                Some((method, threads)) => {
                    let options = CloneOptions { threads: *threads, ..CloneOptions::new(*method) };
                    clone_tree(&tree, &to, &options, &Control::default()).expect("a clone");
                }
            });
            timed(1, &|| assert!(own_bytes(&to).expect("its size") < bytes));
            timed(2, &|| remove_tree(&to).expect("it is removed"));
        }
    }
    let median = |name: &str, at: usize| median(&times[name][at]);
    for (name, _) in &contenders {
        let [clone, own, remove] = [0, 1, 2].map(|at| median(name, at));
        let ratio = clone / median(&contenders[0].0, 0);
        println!("| {kind:?} | {size} | {name} | {clone:.1} | {ratio:.2} | {own:.1} | {remove:.1} |");
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--reflink=always"]).arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "cp failed");
}

/// A tree like a data folder: many small files, and the rest in segments and middling ones.
fn fill(tree: &Path, bytes: u64, method: Method) {
    create_tree(tree, method).expect("a folder");
    for dir in ["base/1", "base/4", "base/5", "base/16384", "global", "pg_wal"] {
        fs::create_dir_all(tree.join(dir)).expect("a folder");
    }
    let mut numbers = Numbers::new(1);
    let mut noise = vec![0; 1 << 20];
    noise.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&numbers.below(u64::MAX).to_le_bytes()));
    let write = |path: &str, bytes: u64| {
        let mut file = File::create(tree.join(path)).expect("a file");
        let mut left = bytes as usize;
        while left > 0 {
            let piece = left.min(noise.len());
            file.write_all(&noise[..piece]).expect("room");
            left -= piece;
        }
    };
    for number in 0..SMALL_FILES {
        let dir = ["base/1", "base/4", "base/5", "global"][number as usize % 4];
        write(&format!("{dir}/{number}"), number * 8192 % SMALL_BYTES_MAX);
    }
    let mut left = bytes / 2;
    let mut segments = 0;
    while left > 0 {
        write(&format!("base/16384/s{segments}"), left.min(SEGMENT_BYTES));
        left -= left.min(SEGMENT_BYTES);
        segments += 1;
    }
    let middling = FILES - SMALL_FILES - segments;
    (0..middling).for_each(|number| write(&format!("base/16384/{number}"), bytes / 2 / middling));
    sync_tree(tree).expect("it is written");
}
