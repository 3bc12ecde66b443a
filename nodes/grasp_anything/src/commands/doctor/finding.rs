//! One line of the doctor's report.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as it should be.
    Ok,
    /// Something cannot be done without it, but the rest works.
    Warn,
    /// It is broken.
    Fail,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    subject: String,
    pub(crate) verdict: Verdict,
    detail: String,
    advice: Option<String>,
}

impl Finding {
    pub(crate) fn ok(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            verdict: Verdict::Ok,
            detail: detail.into(),
            advice: None,
        }
    }

    pub(crate) fn warn(
        subject: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let advice = Some(advice.into());
        Self {
            subject: subject.into(),
            verdict: Verdict::Warn,
            detail: detail.into(),
            advice,
        }
    }

    pub(crate) fn fail(
        subject: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Fail,
            ..Self::warn(subject, detail, advice)
        }
    }

    /// The finding as text, in colour for a terminal.
    pub(crate) fn render(&self, colour: bool) -> String {
        let (word, code) = match self.verdict {
            Verdict::Ok => ("OK  ", "32"),
            Verdict::Warn => ("WARN", "33"),
            Verdict::Fail => ("FAIL", "31"),
        };
        let word = if colour {
            format!("\x1b[{code}m{word}\x1b[0m")
        } else {
            word.to_owned()
        };
        let advice = self
            .advice
            .as_deref()
            .map_or_else(String::new, |advice| format!("\n        -> {advice}"));
        format!("  {word}  {}: {}{advice}", self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_wrong_and_what_to_do() {
        let finding = Finding::warn("ffmpeg", "not found", "install it");
        assert_eq!(
            finding.render(false),
            "  WARN  ffmpeg: not found\n        -> install it"
        );
        assert!(finding.render(true).contains("\x1b[33mWARN"));
    }
}
