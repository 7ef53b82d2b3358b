//! What changes in a configuration file. Pure: a document in, its new text out.
//!
//! Every host gets a section of its own at the end of the file, marked as ours, so that undoing
//! needs no memory of what was there before.

use std::ops::Range;

use super::document::{Document, Entry, MARK, MARK_BEFORE, Section, line_end};
use super::helper_value::is_ours;

/// What one host shall have.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) url: String,
    pub(super) use_http_path: bool,
    pub(super) proactive: bool,
}

/// The new text, and what of it is new, gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) text: Vec<u8>,
    pub(super) lines: Vec<String>,
}

/// Puts the wanted sections in. What is right already stays where it is, unless all shall move to
/// the end of the file. Marked sections for hosts that are no longer wanted go: they would keep
/// other helpers from those hosts and answer nothing themselves.
///
/// Before them stands a section `[credential]`, empty if need be: git puts a `credential.helper` that
/// is set later into the last such section there is, where our sections drop it again. At the end of
/// the file it would come after ours, and be given our tokens to keep.
pub(super) fn set_up(doc: &Document, wanted: &[Wanted], helper: &str, to_end: bool) -> Plan {
    let kept = organizations(doc, wanted, helper);
    let wanted = &[wanted, &kept].concat()[..];
    let to_end = to_end || is_followed_by_an_idle_section(doc, helper);
    let mut edits = Edits::new(doc, helper);
    let mut done = Vec::new();
    let mut first = None;
    let mut done_marked = false;
    for (index, section) in doc.sections.iter().enumerate() {
        let own = own(section, helper);
        if own.is_empty() && section.mark.is_none() {
            continue;
        }
        let Some((kind, url)) = section.key.split_once('.') else { continue };
        let Some(want) = wanted.iter().find(|want| want.url == url) else {
            if section.mark.is_some() {
                edits.strip(section);
            }
            continue;
        };
        if kind == "http" {
            if want.proactive && !proactive_holds(doc, url) {
                edits.strip(section);
            }
            continue;
        }
        let superseded = doc.sections[index + 1..]
            .iter()
            .any(|later| later.key == section.key && !self::own(later, helper).is_empty());
        if to_end || superseded {
            edits.strip(section);
        } else if is_right(section, &own, want, helper) {
            done.push(url);
            first.get_or_insert(index);
            done_marked |= section.mark.is_some();
        } else if section.mark.is_some() {
            edits.rewrite(section, &own, &body(want, helper));
            done.push(url);
            first.get_or_insert(index);
            done_marked = true;
        } else {
            edits.strip(section);
        }
    }
    let mut new = Vec::new();
    let end = first.unwrap_or(doc.sections.len());
    // Where all is written by hand and right, nothing is added to it.
    let is_ours = done_marked || wanted.iter().any(|want| !done.contains(&&*want.url));
    if is_ours && !doc.sections[..end].iter().any(is_for_all) {
        match first {
            Some(first) => {
                edits.insert_before(&doc.sections[first], &[MARK_BEFORE, "[credential]"]);
            }
            None => new.extend([MARK_BEFORE, "[credential]"].map(str::to_owned)),
        }
    }
    for want in wanted {
        if !done.contains(&want.url.as_str()) {
            new.push(format!("[credential \"{}\"] {MARK}", want.url));
            new.extend(body(want, helper));
        }
        if want.proactive && !proactive_holds(doc, &want.url) {
            new.push(format!("[http \"{}\"] {MARK}", want.url));
            new.push("\tproactiveAuth = basic".to_owned());
        }
    }
    edits.finish(new)
}

/// Whether a section is `[credential]`, for every host.
fn is_for_all(section: &Section) -> bool {
    section.key == "credential"
}

/// Whether a `[credential]` without a helper stands behind one of ours: the next helper that is set
/// would go there.
fn is_followed_by_an_idle_section(doc: &Document, helper: &str) -> bool {
    let ours = |section: &Section| {
        section.key.starts_with("credential.") && !own(section, helper).is_empty()
    };
    let Some(first) = doc.sections.iter().position(ours) else { return false };
    let mut behind = doc.sections[first..].iter().filter(|section| is_for_all(section)).peekable();
    behind.peek().is_some()
        && behind.all(|section| {
            section.entries.iter().all(|entry| !matches!(&*entry.name, "helper" | "usehttppath"))
        })
}

/// The marked sections of single organizations (`https://contoso.visualstudio.com`), which libgit2
/// needs: they stay whichever organizations are known now.
fn organizations(doc: &Document, wanted: &[Wanted], helper: &str) -> Vec<Wanted> {
    let mut kept: Vec<Wanted> = Vec::new();
    for section in doc.sections.iter().filter(|section| section.mark.is_some()) {
        let Some(url) = section.key.strip_prefix("credential.") else { continue };
        let host =
            url.strip_prefix("https://").and_then(|host| host.strip_suffix(".visualstudio.com"));
        let is_one =
            host.is_some_and(|label| !label.is_empty() && !label.contains(['.', '*', '/']));
        let known = wanted.iter().chain(&kept).any(|want| want.url == url);
        if is_one && !known && !own(section, helper).is_empty() {
            kept.push(Wanted { url: url.to_owned(), use_http_path: true, proactive: false });
        }
    }
    kept
}

/// Takes out the marked sections, and nothing else: what was written by hand stays.
pub(super) fn undo(doc: &Document, helper: &str) -> Plan {
    let mut edits = Edits::new(doc, helper);
    for section in doc.sections.iter().filter(|section| section.mark.is_some()) {
        edits.strip(section);
    }
    edits.finish(Vec::new())
}

/// The settings outside our sections that run this program: the section's key, and the entry.
pub(super) fn by_hand<'a>(doc: &'a Document, helper: &str) -> Vec<(&'a str, &'a Entry)> {
    let unmarked = doc.sections.iter().filter(|section| section.mark.is_none());
    unmarked
        .filter(|section| section.key == "credential" || section.key.starts_with("credential."))
        .flat_map(|section| section.entries.iter().map(|entry| (section.key.as_str(), entry)))
        .filter(|(_, entry)| entry.name == "helper" && is_ours(&entry.value, helper))
        .collect()
}

/// The settings that are not ours, which no plan may change.
pub(super) fn foreign<'a>(doc: &'a Document, helper: &str) -> Vec<(&'a str, &'a Entry)> {
    let mut all = Vec::new();
    for section in &doc.sections {
        let own = own(section, helper);
        let rest = section.entries.iter().enumerate().filter(|(at, _)| !own.contains(at));
        all.extend(rest.map(|(_, entry)| (section.key.as_str(), entry)));
    }
    all
}

/// Which entries of a section are ours. In a section without our mark, the empty `helper` before
/// ours belongs to it only if nothing else relies on it.
fn own(section: &Section, helper: &str) -> Vec<usize> {
    let named = |name: &'static str| {
        section.entries.iter().enumerate().filter(move |(_, entry)| entry.name == name)
    };
    let marked = section.mark.is_some();
    if section.key.starts_with("http.") && marked {
        return named("proactiveauth").filter(|(_, e)| e.value == "basic").map(|e| e.0).collect();
    }
    // Our own `[credential]` is empty: what is in it, somebody put there.
    if (section.key != "credential" && !section.key.starts_with("credential."))
        || (section.key == "credential" && marked)
    {
        return Vec::new();
    }
    let mut own: Vec<usize> =
        named("helper").filter(|(_, e)| is_ours(&e.value, helper)).map(|e| e.0).collect();
    let reset = if marked {
        named("helper").map(|e| e.0).find(|at| section.entries[*at].value.is_empty())
    } else {
        let first = own.first().copied().unwrap_or_default();
        named("helper").map(|e| e.0).rfind(|at| *at < first).filter(|reset| {
            section.entries[*reset].value.is_empty()
                && named("helper").all(|(at, _)| at <= *reset || own.contains(&at))
        })
    };
    own.extend(reset);
    if marked {
        own.extend(named("usehttppath").map(|e| e.0));
    }
    own.sort_unstable();
    own
}

/// Whether a section says what it should: an empty helper, directly followed by ours.
fn is_right(section: &Section, own: &[usize], want: &Wanted, helper: &str) -> bool {
    let path = section.entries.iter().rfind(|entry| entry.name == "usehttppath");
    let path = path.map(|entry| entry.value.as_str());
    let helpers: Vec<usize> =
        own.iter().copied().filter(|at| section.entries[*at].name == "helper").collect();
    let values: Vec<&str> = helpers.iter().map(|at| section.entries[*at].value.as_str()).collect();
    let wanted_path = match (want.use_http_path, section.mark.is_some()) {
        (true, _) => path == Some("true"),
        (false, marked) => !marked || path.is_none(),
    };
    values == ["", helper] && helpers[1] == helpers[0] + 1 && wanted_path
}

/// Whether `proactiveAuth` is on already, whoever wrote it.
fn proactive_holds(doc: &Document, url: &str) -> bool {
    let key = format!("http.{url}");
    let mut entries = doc.sections.iter().filter(|s| s.key == key).flat_map(|s| &s.entries);
    entries.rfind(|entry| entry.name == "proactiveauth").is_some_and(|e| e.value == "basic")
}

/// The lines of one of our credential sections.
fn body(want: &Wanted, helper: &str) -> Vec<String> {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    let value = if helper.chars().all(plain) {
        helper.to_owned()
    } else {
        format!("\"{}\"", helper.replace('\\', "\\\\").replace('"', "\\\""))
    };
    let mut lines = vec!["\thelper =".to_owned(), format!("\thelper = {value}")];
    if want.use_http_path {
        lines.push("\tuseHttpPath = true".to_owned());
    }
    lines
}

/// Changes to a text, collected before any is made.
struct Edits<'a> {
    doc: &'a Document<'a>,
    helper: &'a str,
    edits: Vec<(Range<usize>, String)>,
    lines: Vec<String>,
}

impl<'a> Edits<'a> {
    fn new(doc: &'a Document<'a>, helper: &'a str) -> Self {
        Self { doc, helper, edits: Vec::new(), lines: Vec::new() }
    }

    /// Takes our entries out of a section, and the header with them if it then holds nothing, or
    /// the mark off it if it does. Comments hold a header only where it was not ours.
    fn strip(&mut self, section: &Section) {
        let own = own(section, self.helper);
        let empty = own.len() == section.entries.len();
        match &section.mark {
            Some(mark) if is_for_all(section) => {
                self.remove(mark.clone());
                if empty && !section.comments {
                    self.remove(section.header.clone());
                }
            }
            Some(mark) if empty => self.remove(section.header.start..mark.end),
            Some(mark) => self.edits.push((mark.clone(), String::new())),
            None if empty && !section.comments => self.remove(section.header.clone()),
            None => {}
        }
        for at in own {
            self.remove(section.entries[at].span.clone());
        }
    }

    /// Puts lines before a section.
    fn insert_before(&mut self, section: &Section, lines: &[&str]) {
        let text = self.doc.text;
        let start =
            text[..section.header.start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let text = lines.iter().map(|line| format!("{line}\n")).collect();
        self.edits.push((start..start, text));
        let shown = lines.iter().filter(|line| !line.starts_with('#'));
        self.lines.extend(shown.map(|line| format!("+ {line}")));
    }

    /// Puts new lines in place of our entries, first in their section.
    fn rewrite(&mut self, section: &Section, own: &[usize], body: &[String]) {
        let text = self.doc.text;
        let after = line_end(text, section.header.end);
        let lines: String = body.iter().map(|line| format!("\n{line}")).collect();
        self.edits.push((after..after, lines));
        for at in own {
            self.remove(section.entries[*at].span.clone());
        }
        self.lines.extend(body.iter().map(|line| format!("+ {}", line.trim_start())));
    }

    /// Removes bytes, with the whole line if there is nothing else on it.
    fn remove(&mut self, range: Range<usize>) {
        let text = self.doc.text;
        let gone = String::from_utf8_lossy(&text[range.clone()]);
        self.lines.push(format!("- {}", gone.trim()));
        let start = text[..range.start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let end = line_end(text, range.end);
        let alone = text[start..range.start].trim_ascii().is_empty()
            && text[range.end..end].trim_ascii().is_empty();
        let whole = start..(end + 1).min(text.len());
        self.edits.push((if alone { whole } else { range }, String::new()));
    }

    /// Makes the changes and appends new lines.
    fn finish(mut self, new: Vec<String>) -> Plan {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut text, mut at) = (Vec::new(), 0);
        for (range, with) in self.edits {
            // A line that held two of our things is taken out by the first of them.
            let start = range.start.max(at);
            text.extend_from_slice(&self.doc.text[at..start]);
            text.extend_from_slice(with.as_bytes());
            at = range.end.max(at);
        }
        text.extend_from_slice(&self.doc.text[at..]);
        if !new.is_empty() && !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        for line in new {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
            let shown = line.strip_suffix(MARK).unwrap_or(&line);
            if !shown.starts_with('#') {
                self.lines.push(format!("+ {}", shown.trim()));
            }
        }
        if text == self.doc.text {
            self.lines.clear();
        }
        Plan { text, lines: self.lines }
    }
}
