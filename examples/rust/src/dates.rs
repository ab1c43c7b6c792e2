//! Dates and times as cells write them, and their parts: section 2.4 of FORMAT.md.

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAY: f64 = 86400.0;

/// What comes first in a date.
#[derive(Clone, Copy, PartialEq)]
pub enum Pattern {
    Year,
    Day,
    Month,
    Time,
}

/// What of a cell becomes an input of the graph.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Part {
    Value,
    Days,
    Month,
    Weekday,
    Hour,
}

/// Seconds since 1970-01-01 00:00 that a trimmed text says; none if it is no date.
pub fn seconds_of_text(text: &str, pattern: Pattern) -> Option<f64> {
    let mut cursor = Cursor { bytes: text.as_bytes(), at: 0 };
    if pattern == Pattern::Time {
        let (seconds, fraction) = cursor.time()?;
        return Some(seconds as f64 + fraction);
    }
    let n_digits = cursor.run_of_digits();
    let is_compact = pattern == Pattern::Year && n_digits == 8;
    let (year, month, day) = match n_digits {
        8 if is_compact => {
            let digits = cursor.digits(8, 8)?;
            (digits / 10000, digits / 100 % 100, digits % 100)
        }
        4 => cursor.year_first(pattern)?,
        _ if pattern == Pattern::Year => return None,
        _ => cursor.date(pattern)?,
    };
    let days = days_of(year, month, day)?;
    let (mut seconds, mut fraction) = (0, 0.0);
    if cursor.at < cursor.bytes.len() {
        if !cursor.take(b'T') && !cursor.take(b't') {
            if is_compact {
                return None;
            }
            cursor.take(b',');
            cursor.must(b' ')?;
        }
        (seconds, fraction) = cursor.time()?;
    }
    Some((days * 86400 + seconds) as f64 + fraction)
}

/// A part of the seconds of a date.
pub fn date_part(seconds: f64, part: Part) -> f64 {
    let day = (seconds / DAY).floor();
    match part {
        Part::Value => seconds,
        _ if seconds.is_nan() => f64::NAN,
        Part::Days => seconds / DAY,
        Part::Weekday => (day + 3.0).rem_euclid(7.0),
        Part::Hour => (seconds - DAY * day) / 3600.0,
        Part::Month => month_of(day as i64) as f64,
    }
}

/// Years are taken to begin in March, so that the odd month is the last.
fn month_of(day: i64) -> i64 {
    let of_era = (day + 719_468).rem_euclid(146_097); // 400 years
    let year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let month = (5 * (of_era - (365 * year + year / 4 - year / 100)) + 2) / 153;
    if month < 10 {
        month + 3
    } else {
        month - 9
    }
}

/// Days since 1970-01-01; none if there is no such day.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > lengths[month as usize - 1] {
        return None;
    }
    let before = year - 1;
    let months: i64 = lengths[..month as usize - 1].iter().sum();
    Some(before * 365 + before / 4 - before / 100 + before / 400 + months + day - 719_163)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn next(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Steps over a character if it is there.
    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.next() == byte && self.at < self.bytes.len();
        self.at += usize::from(is_there);
        is_there
    }

    fn must(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn run_of_digits(&self) -> usize {
        self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// Reads `least` to `most` digits that no further one follows.
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.run_of_digits();
        if count < least || count > most {
            return None;
        }
        let digits = &self.bytes[self.at..self.at + count];
        self.at += count;
        Some(digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    /// YYYY-MM-DD, in any column but one of times; YYYYsMsD where years come first.
    fn year_first(&mut self, pattern: Pattern) -> Option<(i64, i64, i64)> {
        let least = if pattern == Pattern::Year { 1 } else { 2 };
        let year = self.digits(4, 4)?;
        let sign = self.separator()?;
        let month = self.digits(least, 2).filter(|_| pattern == Pattern::Year || sign == b'-')?;
        self.must(sign)?;
        Some((year, month, self.digits(least, 2)?))
    }

    fn separator(&mut self) -> Option<u8> {
        let sign = self.next();
        matches!(sign, b'-' | b'/' | b'.').then(|| self.at += 1)?;
        Some(sign)
    }

    /// DsMsY, D\.?[- ]name[- ,] ?Y, MsDsY, name D,? Y
    fn date(&mut self, pattern: Pattern) -> Option<(i64, i64, i64)> {
        if pattern == Pattern::Month && self.run_of_digits() == 0 {
            let month = self.month_name()?;
            self.must(b' ')?;
            let day = self.digits(1, 2)?;
            self.take(b',');
            self.must(b' ')?;
            return Some((self.year()?, month, day));
        }
        let first = self.digits(1, 2)?;
        if pattern == Pattern::Day {
            let start = self.at;
            self.take(b'.');
            if (self.take(b'-') || self.take(b' ')) && self.next().is_ascii_alphabetic() {
                let month = self.month_name()?;
                if !(self.take(b'-') || self.take(b' ') || self.take(b',')) {
                    return None;
                }
                self.take(b' ');
                return Some((self.year()?, month, first));
            }
            self.at = start;
        }
        let sign = self.separator()?;
        let second = self.digits(1, 2)?;
        self.must(sign)?;
        let (day, month) = if pattern == Pattern::Day { (first, second) } else { (second, first) };
        Some((self.year()?, month, day))
    }

    fn year(&mut self) -> Option<i64> {
        let count = self.run_of_digits();
        let year = self.digits(2, 4).filter(|_| count != 3)?;
        Some(match count {
            2 if year < 69 => year + 2000,
            2 => year + 1900,
            _ => year,
        })
    }

    /// An English month or its first three or four letters, and a point.
    fn month_name(&mut self) -> Option<i64> {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = String::from_utf8_lossy(&self.bytes[self.at..self.at + count]).to_lowercase();
        let is_name = |name: &str| name.starts_with(&word) && (count == 3 || count == 4 || count == name.len());
        let month = MONTHS.iter().position(|name| is_name(name)).filter(|_| count >= 3)?;
        self.at += count;
        self.take(b'.');
        Some(month as i64 + 1)
    }

    /// Whole seconds since midnight, of UTC where an offset is named, and their fraction; up to the end.
    fn time(&mut self) -> Option<(i64, f64)> {
        let mut hour = self.digits(1, 2)?;
        self.must(b':')?;
        let minute = self.digits(2, 2)?;
        let (mut second, mut fraction) = (0, 0.0);
        if self.take(b':') {
            second = self.digits(2, 2)?;
            if self.take(b'.') || self.take(b',') {
                let start = self.at;
                self.digits(1, 9)?;
                fraction = format!("0.{}", std::str::from_utf8(&self.bytes[start..self.at]).ok()?).parse().ok()?;
            }
        }
        let start = self.at;
        self.take(b' ');
        let half = self.next().to_ascii_lowercase();
        if half == b'a' || half == b'p' {
            self.at += 1;
            self.take(b'.');
            if !(self.take(b'm') || self.take(b'M')) {
                return None;
            }
            self.take(b'.');
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if half == b'p' { 12 } else { 0 };
        } else {
            self.at = start;
        }
        let offset = if self.at < self.bytes.len() { self.zone()? } else { 0 };
        let is_end_of_day = minute == 0 && second == 0 && fraction == 0.0;
        if hour > 24 || minute > 59 || second > 60 || (hour == 24 && !is_end_of_day) {
            return None;
        }
        Some((hour * 3600 + minute * 60 + second - offset, fraction))
    }

    /// Seconds ahead of UTC; up to the end.
    fn zone(&mut self) -> Option<i64> {
        self.take(b' ');
        if matches!(&self.bytes[self.at..], b"Z" | b"z" | b"UTC" | b"GMT") {
            return Some(0);
        }
        let sign = if self.take(b'-') { -1 } else { self.must(b'+').map(|()| 1)? };
        let count = self.run_of_digits();
        let digits = self.digits(2, 4).filter(|_| count != 3)?;
        let (hours, mut minutes) = if count == 4 { (digits / 100, digits % 100) } else { (digits, 0) };
        if count == 2 && self.take(b':') {
            minutes = self.digits(2, 2)?;
        }
        let is_over = self.at == self.bytes.len();
        (is_over && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}
