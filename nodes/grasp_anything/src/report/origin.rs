//! Where the figures of a page come from: what it takes to get them again.

use std::env;

use report_page::Section;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime as _, SystemTime},
};

/// The end of a page: the command that made it, the program, and what else there is to know.
pub(crate) fn origin(facts: &[(String, String)]) -> Section {
    let mut now = String::new();
    let written = SystemTime.format_time(&mut Writer::new(&mut now));
    let seconds = written.ok().and_then(|()| now.split('.').next());
    let mut all = vec![(
        "written at".to_owned(),
        format!("{}Z", seconds.unwrap_or_default()),
    )];
    all.extend(recorder::program());
    all.extend_from_slice(facts);
    Section::new("Where this comes from")
        .code(&command_line())
        .facts(
            all.iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
}

/// The command as it can be given again.
fn command_line() -> String {
    let words = env::args_os().map(|word| quoted(&word.to_string_lossy()));
    words.collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell_where_they_need_it() {
        assert_eq!(quoted("--out=a/b.html"), "--out=a/b.html");
        assert_eq!(quoted("my file"), "'my file'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("$HOME"), "'$HOME'");
    }

    #[test]
    fn the_time_is_that_of_a_calendar() {
        let html = report_page::Page::new(
            "",
            report_page::Headline {
                figure: String::new(),
                meaning: String::new(),
                tone: report_page::Tone::Ink,
                share: None,
            },
        )
        .section(origin(&[("samples".to_owned(), "abc".to_owned())]))
        .to_html();
        let time = html.split("<dt>written at</dt><dd>").nth(1).unwrap();
        let time: String = time.chars().take_while(|c| *c != '<').collect();
        let shape: String = time
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(shape, "0000-00-00T00:00:00Z");
        assert!(html.contains("git_revision") && html.contains("abc"));
    }
}
