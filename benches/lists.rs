//! How fast files of contacts are read: alone, and into a database on disk.
//!
//! `cargo bench --bench lists -- [ROWS]`, 300,000 rows by default, CSV and XLSX. *Read* is parsing, numbers in their one form
//! and time zones, on one thread; *imported* is all of that and the database below `target/`, which commits every 2,000
//! rows. Every twentieth row is wrong.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use dering::lists::{Lists, check};
use dering::store::{Actor, ListRow, NewList, Options, Store};
use tokio_util::sync::CancellationToken;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Fields of a row: a number as people write it, and three variables.
fn row(at: usize) -> [String; 5] {
    let number = match at % 20 {
        19 => "none".to_owned(),
        n if n % 2 == 0 => format!("08{:02}-{:04}-{:04}", 11 + at % 8, at / 10_000 % 10_000, at % 10_000),
        _ => format!("+62812{:08}", at % 100_000_000),
    };
    [
        number,
        format!("Ani \"{at}\""),
        "250.000".to_owned(),
        "2026-06-15".to_owned(),
        "Jl. A, No. 1".to_owned(),
    ]
}

const HEADER: [&str; 5] = ["Nomor HP", "Nama", "Tagihan", "Tgl persetujuan", "Alamat"];

fn write_csv(path: &Path, rows: usize) -> Fallible<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    writeln!(file, "{}", HEADER.join(","))?;
    for at in 0..rows {
        let fields = row(at).map(|field| {
            if field.contains(['"', ',']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
        });
        writeln!(file, "{}", fields.join(","))?;
    }
    Ok(file.flush()?)
}

fn write_xlsx(path: &Path, rows: usize) -> Fallible<()> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let mut zip = ZipWriter::new(BufWriter::new(fs::File::create(path)?));
    let parts = [
        ("[Content_Types].xml", "<Types/>".to_owned()),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"Data\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r1\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
    ];
    for (name, text) in parts {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(text.as_bytes())?;
    }
    zip.start_file("xl/worksheets/sheet1.xml", SimpleFileOptions::default())?;
    write!(zip, "<worksheet xmlns=\"{MAIN}\"><sheetData>")?;
    let mut text = String::new();
    for at in 0..=rows {
        let fields = if at == 0 { HEADER.map(str::to_owned) } else { row(at - 1) };
        text.clear();
        for (column, field) in ["A", "B", "C", "D", "E"].into_iter().zip(fields) {
            let field = field.replace('"', "&quot;");
            write!(text, "<c r=\"{column}{}\" t=\"inlineStr\"><is><t>{field}</t></is></c>", at + 1)?;
        }
        write!(zip, "<row r=\"{}\">{text}</row>", at + 1)?;
    }
    write!(zip, "</sheetData></worksheet>")?;
    zip.finish()?.flush()?;
    Ok(())
}

/// The most memory that this process has held, MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn told(what: &str, rows: u64, took: Duration) {
    let (seconds, peak) = (took.as_secs_f64(), peak_mib());
    println!(
        "{what:<14} {rows:>9} rows in {seconds:>6.2} s: {:>8.0} rows/s, peak {peak} MiB",
        rows as f64 / seconds
    );
}

async fn imported(store: &Store, folder: &Path, file: &Path, list: &ListRow) -> Fallible<(u64, Duration)> {
    let lists = Lists::new(store.clone(), folder.join("lists"), None, CancellationToken::new());
    let mut incoming = lists.receive().await?;
    let (mut file, mut part) = (fs::File::open(file)?, vec![0; 256 * 1024]);
    loop {
        let got = file.read(&mut part)?;
        if got == 0 {
            break;
        }
        incoming.take(part.get(..got).unwrap_or_default()).await?;
    }
    let spooled = incoming.end().await?;
    let begin = Instant::now();
    let said = ("bench".to_owned(), BTreeMap::new());
    let import = lists.begin(list, spooled, said, Actor::server()).await?;
    let done = lists.wait(import, Duration::from_secs(600)).await?;
    Ok((u64::try_from(done.rows)?, begin.elapsed()))
}

fn main() -> Fallible<()> {
    let rows = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(300_000);
    let folder = Path::new("target/bench-lists");
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder)?;
    let (csv, xlsx) = (folder.join("list.csv"), folder.join("list.xlsx"));
    write_csv(&csv, rows)?;
    write_xlsx(&xlsx, rows)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let store = runtime.block_on(Store::open(Options::file(folder.join("dering.db"))))?;
    for (name, file) in [("CSV", &csv), ("XLSX", &xlsx)] {
        let new = NewList { name: name.to_owned(), country: Some("ID".to_owned()), zone: None };
        let list = runtime.block_on(store.create_list(new, Actor::server()))?;
        let begin = Instant::now();
        let all = check(file, &list, None, i64::MAX)?;
        told(&format!("{name} read"), all.rows, begin.elapsed());
        let (rows, took) = runtime.block_on(imported(&store, folder, file, &list))?;
        told(&format!("{name} imported"), rows, took);
    }
    runtime.block_on(store.close());
    fs::remove_dir_all(folder)?;
    Ok(())
}
