use offshoot_engines::mysql::{conninfo::ConnInfo, session::{NextRow, Session, split_value}};
fn main() {
    let url = std::env::args().nth(1).unwrap();
    let environment = offshoot_engines::conninfo::Environment::new(std::iter::empty::<(String, String)>().map(|(a, b)| (a.into(), b.into())), None, None);
    let info = ConnInfo::parse(&url, &environment).unwrap();
    let began = std::time::Instant::now();
    let mut session = Session::open(&info).unwrap();
    let (mut rows, mut bytes) = (0u64, 0u64);
    for t in ["users", "orders", "events", "documents"] {
        let mut stream = session.rows("reading", &format!("SELECT * FROM {t}")).unwrap();
        while let Some(row) = stream.next_row().unwrap() {
            rows += 1;
            match row {
                NextRow::Whole(mut row) => while !row.is_empty() {
                    let (value, rest) = split_value(row).unwrap();
                    bytes += value.map_or(0, <[u8]>::len) as u64;
                    row = rest;
                },
                NextRow::Long(_) => panic!(),
            }
        }
    }
    println!("{rows} rows {bytes} bytes {:.2} s", began.elapsed().as_secs_f64());
}
