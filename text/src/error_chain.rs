//! An error and its causes on one line.

use std::{error::Error, io};

/// The error's message and its causes' messages, joined by `: `.
///
/// Messages are trimmed. A cause is left out if the message above it ends with it, or contains it before
/// details in parentheses: some errors include their source in their own text. A message is left out if its
/// cause starts with it.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut messages: Vec<String> = Vec::new();
    for error in causes(error) {
        let message = error.to_string();
        let message = message.trim();
        match messages.last() {
            Some(last) if repeats(last, message) => continue,
            Some(last) if message.starts_with(last.as_str()) => {
                messages.pop();
            }
            _ => {}
        }
        messages.push(message.to_owned());
    }
    messages.join(": ")
}

/// Whether a message ends with its cause, or contains it as in kube's `ApiError: not found (details)`.
fn repeats(message: &str, cause: &str) -> bool {
    message.ends_with(cause) || message.contains(&format!(": {cause} ("))
}

/// The error and its sources, outermost first. An error inside an [`io::Error`] is not among the sources of
/// that, so it is visited explicitly.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().map(io::Error::get_ref) {
            Some(Some(inner)) => Some(inner as &(dyn Error + 'static)),
            _ => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (text, rest) = texts.split_first().expect("a layer");
        let source = (!rest.is_empty()).then(|| Box::new(layers(rest)) as Box<dyn Error + Send + Sync>);
        Layer { text, source }
    }

    #[test]
    fn causes_follow_the_error() {
        assert_eq!(
            error_chain(&layers(&["failed to read a.wav", "no such file"])),
            "failed to read a.wav: no such file"
        );
    }

    #[test]
    fn repeated_messages_appear_once() {
        assert_eq!(error_chain(&layers(&["failed: no such file", "no such file"])), "failed: no such file");
        assert_eq!(
            error_chain(&layers(&["dispatch failure", "dispatch failure (timeout)"])),
            "dispatch failure (timeout)"
        );
        assert_eq!(error_chain(&layers(&["a", "a", "b"])), "a: b");
        // As kube formats an answer of the API server.
        assert_eq!(
            error_chain(&layers(&[
                "ApiError: no quota: Forbidden (Status { code: 403 })",
                "no quota: Forbidden"
            ])),
            "ApiError: no quota: Forbidden (Status { code: 403 })"
        );
    }

    #[test]
    fn messages_that_only_share_words_are_kept() {
        assert_eq!(error_chain(&layers(&["failed to read io.wav", "io"])), "failed to read io.wav: io");
        assert_eq!(error_chain(&layers(&["timeout", "the timeout is 0"])), "timeout: the timeout is 0");
    }

    #[test]
    fn messages_are_trimmed() {
        assert_eq!(error_chain(&layers(&["a.yaml is not valid", "bad\n"])), "a.yaml is not valid: bad");
        assert_eq!(
            error_chain(&layers(&["not valid: bad\n", "bad\n", "line 1\n"])),
            "not valid: bad: line 1"
        );
        assert_eq!(error_chain(&layers(&["a", " \n", "b"])), "a: b");
    }

    #[test]
    fn errors_inside_io_errors_are_visited() {
        let error = Layer {
            text: "failed to connect",
            source: Some(Box::new(io::Error::other(layers(&["refused"])))),
        };
        assert_eq!(error_chain(&error), "failed to connect: refused");
    }
}
