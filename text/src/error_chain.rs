//! An error and its causes on one line.

use std::{error::Error, io};

/// The error's message and its causes' messages, joined by `: `.
///
/// A message that the one above it repeats is left out, and so is one that the next cause repeats in full: some errors
/// include their source in their own text, others are a prefix of it.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut messages: Vec<String> = Vec::new();
    for error in causes(error) {
        let message = error.to_string();
        match messages.last() {
            Some(last) if last.contains(&message) => continue,
            Some(last) if message.contains(last.as_str()) => {
                messages.pop();
            }
            _ => {}
        }
        messages.push(message);
    }
    messages.join(": ")
}

/// The error and its sources, outermost first. An error inside an [`io::Error`] is not among the sources of that, so it
/// is visited explicitly.
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
