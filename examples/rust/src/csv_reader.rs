//! Reads CSV files as section 2.8 of FORMAT.md says: delimiter and encoding found or given, cells as text.

use crate::cells::trimmed;
use flate2::bufread::GzDecoder;
use std::borrow::Cow;
use std::io::Read;

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
const SAMPLE_BYTES: usize = 1024;
const SAMPLE_LINES: usize = 200;
/// What Windows-1252 has from 0x80 to 0x9f; a space stands for nothing.
const WINDOWS: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Utf8,
    Utf16,
    Utf16Le,
    Utf16Be,
    Windows1252,
    Iso8859_1,
}

/// What the caller says of a file; what is not said is found.
#[derive(Clone, Copy, Default)]
pub struct Dialect {
    delimiter: Option<char>,
    encoding: Option<Encoding>,
}

impl Dialect {
    /// The dialect that options of a command line give.
    pub fn given(delimiter: Option<&str>, encoding: Option<&str>) -> Result<Dialect, String> {
        let delimiter = delimiter.map(|word| match word.to_ascii_lowercase().as_str() {
            "comma" | "," => Ok(','),
            "semicolon" | ";" => Ok(';'),
            "tab" | "\\t" | "\t" => Ok('\t'),
            "pipe" | "|" => Ok('|'),
            _ => Err(format!("the delimiter must be comma, semicolon, tab or pipe, however: {word:?}")),
        });
        let encoding = encoding.map(|name| match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" | "utf-8-sig" => Ok(Encoding::Utf8),
            "utf-16" | "utf16" => Ok(Encoding::Utf16),
            "utf-16-le" | "utf-16le" => Ok(Encoding::Utf16Le),
            "utf-16-be" | "utf-16be" => Ok(Encoding::Utf16Be),
            "windows-1252" | "cp1252" => Ok(Encoding::Windows1252),
            "iso-8859-1" | "latin-1" | "latin1" => Ok(Encoding::Iso8859_1),
            _ => Err(format!(
                "the encoding must be utf-8, utf-16, utf-16-le, utf-16-be, windows-1252 or iso-8859-1, \
                 however: {name:?}"
            )),
        });
        Ok(Dialect { delimiter: delimiter.transpose()?, encoding: encoding.transpose()? })
    }
}

/// A row and the line on which it starts.
pub struct Row<'a> {
    pub line: usize,
    pub cells: Vec<Cow<'a, str>>,
}

/// The names and rows of a CSV file, of which `text` comes from [`decoded`].
pub struct CsvReader<'a> {
    pub names: Vec<String>,
    records: Records<'a>,
    n_cells: usize,
}

impl<'a> CsvReader<'a> {
    pub fn new(text: &'a str, dialect: Dialect) -> Result<CsvReader<'a>, String> {
        if let Some(zero) = text.find('\0') {
            let before = &text[..zero];
            let ends = before.bytes().filter(|byte| *byte == b'\n').count() + before.matches('\r').count();
            let line = ends - before.matches("\r\n").count() + 1;
            return Err(format!("the rows must be CSV, however: line {line} holds the character U+0000"));
        }
        let sample = &text[..end_of_lines(text, SAMPLE_LINES)];
        let mut first = Records::new(sample, ','); // to the first line that is not blank
        first.skip_blank_lines();
        let line = &sample[first.at..first.at + end_of_lines(&sample[first.at..], 1)];
        let named = named_delimiter(line);
        let delimiter = dialect.delimiter.or(named).unwrap_or_else(|| found_delimiter(sample));
        let mut records = Records::new(text, delimiter);
        if named.is_some() {
            (records.at, records.line) = (first.at + line.len(), first.line + 1);
        }
        let header = records.next().transpose().map_err(|error| error.message)?;
        let header = header.ok_or("the rows must start with a line of column names, however: there is none")?;
        let mut names: Vec<String> = header.cells.iter().map(|name| trimmed(name).to_string()).collect();
        if let Some(last) = names.iter().rposition(|name| !name.is_empty()) {
            names.truncate(last + 1); // behind it are nameless ones where lines end with a delimiter
        }
        Ok(CsvReader { names, records, n_cells: header.cells.len() })
    }

    /// Delimiter of the file.
    pub fn delimiter(&self) -> char {
        self.records.delimiter
    }

    fn checked(&self, mut row: Row<'a>) -> Result<Row<'a>, String> {
        let (line, n_names) = (row.line, self.names.len());
        if row.cells.len() != self.n_cells {
            return Err(format!("line {line}: a row must have {} cells, however: {}", self.n_cells, row.cells.len()));
        }
        if row.cells[n_names..].iter().any(|cell| !trimmed(cell).is_empty()) {
            return Err(format!(
                "line {line}: cells must stand below a name, however: cell {} or a later one",
                n_names + 1
            ));
        }
        row.cells.truncate(n_names);
        Ok(row)
    }
}

impl<'a> Iterator for CsvReader<'a> {
    type Item = Result<Row<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.records.next()?.map_err(|error| error.message).and_then(|row| self.checked(row)))
    }
}

/// The text of a file's bytes, without a byte order mark, and the name of its encoding.
pub fn decoded(bytes: &[u8], dialect: Dialect) -> Result<(String, &'static str), String> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return text_of(&unzipped(bytes)?, dialect.encoding);
    }
    text_of(bytes, dialect.encoding)
}

fn unzipped(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let mut member = GzDecoder::new(rest);
        member
            .read_to_end(&mut found)
            .map_err(|error| format!("the rows must be whole, however: they are a damaged gzip file: {error}"))?;
        rest = member.into_inner();
        rest = &rest[rest.iter().position(|byte| *byte != 0).unwrap_or(rest.len())..];
        // zeros may follow
    }
    Ok(found)
}

fn text_of(mut bytes: &[u8], given: Option<Encoding>) -> Result<(String, &'static str), String> {
    let marks: [(Encoding, &[u8]); 3] =
        [(Encoding::Utf8, &[0xef, 0xbb, 0xbf]), (Encoding::Utf16Le, &[0xff, 0xfe]), (Encoding::Utf16Be, &[0xfe, 0xff])];
    let marked = marks.into_iter().find(|(_, mark)| bytes.starts_with(mark));
    let mark = marked.map(|(encoding, _)| encoding);
    let mut encoding = given.or(mark).or_else(|| unmarked_utf16(bytes)).unwrap_or(Encoding::Utf8);
    if encoding == Encoding::Utf16 {
        encoding = mark.filter(|mark| *mark != Encoding::Utf8).unwrap_or(Encoding::Utf16Le);
    }
    if let Some((_, mark)) = marked.filter(|(mark, _)| *mark == encoding) {
        bytes = &bytes[mark.len()..];
    }
    let pairs = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).collect::<Result<String, _>>().ok().filter(|_| bytes.len().is_multiple_of(2))
    };
    let (name, text) = match encoding {
        Encoding::Utf8 => ("utf-8", std::str::from_utf8(bytes).ok().map(str::to_string)),
        Encoding::Utf16Be => ("utf-16-be", pairs(u16::from_be_bytes)),
        Encoding::Utf16 | Encoding::Utf16Le => ("utf-16-le", pairs(u16::from_le_bytes)),
        Encoding::Iso8859_1 => ("iso-8859-1", Some(bytes.iter().map(|byte| char::from(*byte)).collect())),
        Encoding::Windows1252 => {
            let table: Vec<char> = WINDOWS.chars().collect();
            let character = |byte: &u8| match byte {
                0x80..=0x9f => Some(table[usize::from(byte - 0x80)]).filter(|c| *c != ' '),
                byte => Some(char::from(*byte)),
            };
            ("windows-1252", bytes.iter().map(character).collect())
        }
    };
    let text =
        text.ok_or_else(|| format!("the rows must be text in {name}, however: they are not. Give --encoding."))?;
    Ok((text, name))
}

/// UTF-16 whose first bytes show zeros at odd or at even offsets only.
fn unmarked_utf16(bytes: &[u8]) -> Option<Encoding> {
    let head = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let zeros = |offset| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match (even, odd) {
        _ if even + odd == 0 || 4 * (even + odd) < head.len() => None,
        (0, _) => Some(Encoding::Utf16Le),
        (_, 0) => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// Bytes of the first lines.
fn end_of_lines(text: &str, count: usize) -> usize {
    let (bytes, mut at) = (text.as_bytes(), 0);
    for _ in 0..count {
        match bytes[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) => at += end + if bytes[at + end..].starts_with(b"\r\n") { 2 } else { 1 },
            None => return bytes.len(),
        }
    }
    at
}

/// The delimiter that a line such as `sep=;` names.
fn named_delimiter(line: &str) -> Option<char> {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.strip_prefix('"').map_or(Some(line), |rest| rest.strip_suffix('"'))?;
    let mut signs = line.get(4..).filter(|_| line[..4].eq_ignore_ascii_case("sep="))?.chars();
    let sign = signs.next().filter(|sign| DELIMITERS.contains(sign));
    sign.filter(|_| signs.next().is_none())
}

/// The delimiter that cuts the sample best, the comma if nothing tells.
fn found_delimiter(sample: &str) -> char {
    let (mut best, mut best_score) = (',', (false, 0, 0));
    for delimiter in DELIMITERS {
        let score = score_of(sample, delimiter);
        if score > best_score {
            (best, best_score) = (delimiter, score);
        }
    }
    best
}

/// Whether all records are alike, how many are from the start, and cells of the first.
fn score_of(sample: &str, delimiter: char) -> (bool, usize, usize) {
    let (mut cells, mut alike) = (0, 0);
    for record in Records::new(sample, delimiter) {
        match record {
            Ok(row) if alike == 0 && row.cells.len() < 2 => return (false, 0, 0),
            Ok(row) if alike == 0 => cells = row.cells.len(),
            Ok(row) if row.cells.len() != cells => return (false, alike, cells),
            Ok(_) => {}
            Err(error) => return (error.is_cut_off && alike > 0, alike, cells),
        }
        alike += 1;
    }
    (alike > 0, alike, cells)
}

/// Why a text cannot be cut into records.
struct CsvError {
    message: String,
    is_cut_off: bool, // within quotes
}

/// The records of a text.
struct Records<'a> {
    text: &'a str,
    delimiter: char,
    at: usize,
    line: usize, // at `at`, from 1
}

impl<'a> Records<'a> {
    fn new(text: &'a str, delimiter: char) -> Records<'a> {
        Records { text, delimiter, at: 0, line: 1 }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.byte() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Steps over a line end if one is here.
    fn end_line(&mut self) -> bool {
        let is_end = matches!(self.byte(), Some(b'\n' | b'\r'));
        if is_end {
            self.at += if self.text[self.at..].starts_with("\r\n") { 2 } else { 1 };
            self.line += 1;
        }
        is_end
    }

    fn skip_blank_lines(&mut self) {
        loop {
            let start = self.at;
            while self.byte() == Some(b' ') || (self.byte() == Some(b'\t') && self.delimiter != '\t') {
                self.at += 1;
            }
            if !self.end_line() {
                if self.at < self.text.len() {
                    self.at = start;
                }
                return;
            }
        }
    }

    /// A quoted cell, from behind its first quote to its delimiter or line end.
    fn quoted(&mut self) -> Result<Cow<'a, str>, CsvError> {
        let (opened, mut cell) = (self.line, Cow::Borrowed(""));
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find('"') else {
                let message = format!("line {opened}: a quoted cell opens here and is not closed");
                return Err(CsvError { message, is_cut_off: true });
            };
            let is_doubled = rest[end + 1..].starts_with('"');
            let part = &rest[..end + usize::from(is_doubled)];
            self.line +=
                part.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count() - part.matches("\r\n").count();
            self.at += end + 1 + usize::from(is_doubled);
            if cell.is_empty() {
                cell = Cow::Borrowed(part);
            } else {
                cell.to_mut().push_str(part);
            }
            if !is_doubled {
                break;
            }
        }
        self.skip_spaces();
        match self.byte() {
            None | Some(b'\n' | b'\r') => Ok(cell),
            Some(byte) if char::from(byte) == self.delimiter => Ok(cell),
            _ => {
                let message = format!("line {}: text must not follow the closing quote of a cell", self.line);
                Err(CsvError { message, is_cut_off: false })
            }
        }
    }

    fn row(&mut self) -> Result<Row<'a>, CsvError> {
        let mut row = Row { line: self.line, cells: Vec::new() };
        loop {
            self.skip_spaces();
            if self.byte() == Some(b'"') {
                self.at += 1;
                row.cells.push(self.quoted()?);
            } else {
                let rest = &self.text[self.at..];
                let end = rest.find([self.delimiter, '\n', '\r']).unwrap_or(rest.len());
                row.cells.push(rest[..end].into());
                self.at += end;
            }
            if self.end_line() || self.at == self.text.len() {
                return Ok(row);
            }
            self.at += 1;
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Row<'a>, CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blank_lines();
        (self.at < self.text.len()).then(|| self.row())
    }
}
