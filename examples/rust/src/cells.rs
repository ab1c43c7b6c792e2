//! What a cell means, by the rule of its column: sections 2.1 to 2.6 of FORMAT.md.

use crate::dates::{seconds_of_text, Pattern};
use std::borrow::Cow;
use std::collections::HashSet;
use unicode_normalization::UnicodeNormalization;

const BLANKS: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
];
const TRUE: [&str; 5] = ["true", "t", "yes", "y", "on"];
const FALSE: [&str; 5] = ["false", "f", "no", "n", "off"];

/// A raw cell: the text of a CSV file, or a typed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    Missing,
    Text(Cow<'a, str>),
    Number(f64),
    Integer(i64),
    Boolean(bool),
}

/// How the cells of a column are read.
pub enum Rule {
    Number(NumberRule),
    Date(DateRule),
    Category(CategoryRule),
}

pub struct NumberRule {
    pub decimal: char,
    pub group: Option<char>,
    pub affix: String,
    pub percent: bool,
    pub is_boolean: bool,
    pub missing: HashSet<String>,
}

pub struct DateRule {
    pub pattern: Pattern,
    pub missing: HashSet<String>,
}

pub struct CategoryRule {
    pub integers: bool,
    pub missing: HashSet<String>,
}

/// A text without the white space of ASCII around it.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c| matches!(c, '\t'..='\r' | ' '))
}

/// White space between the parts of a number.
pub fn is_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{a0}' | '\u{202f}')
}

fn is_missing(text: &str, missing: &HashSet<String>) -> bool {
    BLANKS.contains(&text) || missing.contains(text)
}

impl NumberRule {
    /// The number of a cell, NaN if it is missing; none if it is no number.
    pub fn read(&self, cell: &Cell) -> Option<f64> {
        match cell {
            Cell::Missing => Some(f64::NAN),
            Cell::Text(text) => self.read_text(trimmed(text)),
            Cell::Number(number) => Some(*number),
            Cell::Integer(number) => Some(*number as f64),
            Cell::Boolean(value) => Some(f64::from(u8::from(*value))),
        }
    }

    fn read_text(&self, text: &str) -> Option<f64> {
        if is_missing(text, &self.missing) {
            return Some(f64::NAN);
        }
        let inside = self.in_parentheses(text);
        for (decimal, group) in [(self.decimal, self.group), ('.', None)] {
            let Some((n_signs, is_negative, number)) = self.way(inside.as_deref().unwrap_or(text), decimal, group)
            else {
                continue;
            };
            if n_signs > usize::from(inside.is_none()) {
                return None;
            }
            return Some(if is_negative || inside.is_some() { -number } else { number });
        }
        let (sign, word) = split_sign(text);
        match word.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => Some(if sign == "-" { f64::NEG_INFINITY } else { f64::INFINITY }),
            "nan" => Some(f64::NAN),
            _ if self.is_boolean => boolean_of_text(text),
            _ => None,
        }
    }

    /// How many signs there are, whether one is a minus, and the number without: `before` and `after` of section 2.2.
    fn way(&self, text: &str, decimal: char, group: Option<char>) -> Option<(usize, bool, f64)> {
        if !self.affix.is_empty() {
            for (sign, rest) in [split_sign(text), ("", text)] {
                let Some(rest) = rest.strip_prefix(&self.affix) else { continue };
                let (inner, rest) = split_sign(rest.trim_start_matches(is_space));
                if let Some(number) = self.digits_percent(rest, decimal, group) {
                    return Some((sign.len() + inner.len(), sign == "-" || inner == "-", number));
                }
            }
        }
        let (sign, rest) = split_sign(text);
        let number = self.digits_percent(rest, decimal, group).or_else(|| {
            let rest = rest.strip_suffix(&self.affix).filter(|_| !self.affix.is_empty())?;
            self.digits_percent(rest.trim_end_matches(is_space), decimal, group)
        });
        Some((sign.len(), sign == "-", number?))
    }

    fn digits_percent(&self, text: &str, decimal: char, group: Option<char>) -> Option<f64> {
        match text.strip_suffix('%').filter(|_| self.percent) {
            Some(rest) => Some(number_of_digits(rest.trim_end_matches(is_space), decimal, group)? / 100.0),
            None => number_of_digits(text, decimal, group),
        }
    }

    /// What stands in parentheses, which is negative; an affix may stand before or behind them.
    fn in_parentheses(&self, text: &str) -> Option<String> {
        let (mut before, mut after, mut middle) = ("", "", text);
        let affix = self.affix.as_str();
        if !affix.is_empty() && text.ends_with(')') && text.starts_with(affix) {
            (before, middle) = (affix, text[affix.len()..].trim_start_matches(is_space));
        } else if !affix.is_empty() && text.starts_with('(') && text.ends_with(affix) {
            (after, middle) = (affix, text[..text.len() - affix.len()].trim_end_matches(is_space));
        }
        let inside = middle.strip_prefix('(')?.strip_suffix(')')?;
        Some(format!("{before}{}{after}", trimmed(inside)))
    }
}

fn split_sign(text: &str) -> (&str, &str) {
    text.split_at(usize::from(text.starts_with(['+', '-'])))
}

fn boolean_of_text(text: &str) -> Option<f64> {
    let word = text.to_ascii_lowercase();
    let is_true = TRUE.contains(&word.as_str());
    (is_true || FALSE.contains(&word.as_str())).then_some(if is_true { 1.0 } else { 0.0 })
}

/// (?:whole(?:D[0-9]*)?|D[0-9]+)(?:[eE][+-]?[0-9]+)?
fn number_of_digits(text: &str, decimal: char, group: Option<char>) -> Option<f64> {
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(split_sign(e))));
    let (whole, fraction) = mantissa.split_once(decimal).map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let (exponent_sign, exponent) = match exponent {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => ("", "0"),
    };
    if !are_digits(fraction.unwrap_or("")) || !are_digits(exponent) {
        return None;
    }
    if whole.is_empty() && fraction.unwrap_or("").is_empty() {
        return None;
    }
    let is_group = |c: char| match group {
        Some(' ') => matches!(c, ' ' | '\u{a0}' | '\u{202f}'),
        group => group == Some(c),
    };
    let groups: Vec<&str> = whole.split(is_group).collect();
    let last = groups.len() - 1;
    let is_fit = |(i, digits): (usize, &&str)| {
        are_digits(digits)
            && match (i, digits.len()) {
                _ if last == 0 => true,
                (0, n) => (1..=3).contains(&n),
                (i, n) => n == 3 || (n == 2 && i < last && group == Some(',')), // 12,34,567 is usual in India
            }
    };
    if !groups.iter().enumerate().all(is_fit) {
        return None;
    }
    format!("0{}.{}0e{exponent_sign}{exponent}", groups.concat(), fraction.unwrap_or("")).parse().ok()
}

impl DateRule {
    /// Seconds since 1970, NaN if the cell is missing; none if it is no date.
    pub fn read(&self, cell: &Cell) -> Option<f64> {
        match cell {
            Cell::Missing => Some(f64::NAN),
            Cell::Number(number) if number.is_nan() => Some(f64::NAN),
            Cell::Text(text) if is_missing(trimmed(text), &self.missing) => Some(f64::NAN),
            Cell::Text(text) => seconds_of_text(trimmed(text), self.pattern),
            _ => None,
        }
    }
}

impl CategoryRule {
    /// The category that a cell names, "" if it is missing.
    pub fn read(&self, cell: &Cell) -> String {
        match cell {
            Cell::Missing => String::new(),
            Cell::Text(text) => self.read_text(text),
            Cell::Number(number) if number.is_nan() => String::new(),
            Cell::Number(number) => self.read_text(&number_text(*number)),
            Cell::Integer(number) => self.read_text(&number.to_string()),
            Cell::Boolean(value) => self.read_text(if *value { "True" } else { "False" }),
        }
    }

    pub fn read_text(&self, text: &str) -> String {
        let text: Cow<str> = match trimmed(text) {
            text if text.is_ascii() => text.into(),
            text => text.nfc().collect(),
        };
        if is_missing(&text, &self.missing) {
            return String::new();
        }
        self.integer(&text).unwrap_or_else(|| text.into_owned())
    }

    /// [+-]?[0-9]+(?:\.0*)? as that integer in decimal.
    fn integer(&self, text: &str) -> Option<String> {
        let (sign, rest) = split_sign(text);
        let (digits, zeros) = rest.split_once('.').unwrap_or((rest, ""));
        let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !self.integers || !is_integer || !zeros.bytes().all(|byte| byte == b'0') {
            return None;
        }
        Some(match digits.trim_start_matches('0') {
            "" => "0".to_string(),
            digits if sign == "-" => format!("-{digits}"),
            digits => digits.to_string(),
        })
    }
}

/// A number in a column of categories: no point if it is integral.
fn number_text(number: f64) -> String {
    if number == 0.0 {
        return "0".to_string();
    }
    if number.is_finite() && number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        float_text(number)
    }
}

/// A float64 as Python's `repr` writes it: 0.5, 2.0, 1e-07, 1e+22.
pub fn float_text(number: f64) -> String {
    if !number.is_finite() {
        return format!("{number}").to_ascii_lowercase();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        return format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    if number.fract() == 0.0 {
        format!("{number:.1}")
    } else {
        format!("{number}")
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(text.into())
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Cell::Text(text.into())
    }
}

impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Cell::Number(number)
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Integer(number)
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Cell::Boolean(value)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Missing, Into::into)
    }
}
