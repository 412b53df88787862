//! A form with files in it (RFC 7578), for providers that take attachments no other way.
//!
//! Invariant: no part contains the boundary, so that no text or file can end a part or add one.

use reqwest::RequestBuilder;

use crate::outbound::Attachment;

/// A form being filled.
pub(super) struct Form {
    /// What the boundary begins with; it grows until no part contains it.
    seed: String,
    parts: Vec<(String, Vec<u8>)>,
}

impl Form {
    /// An empty form. The same `seed` and parts make the same bytes.
    pub(super) fn new(seed: &str) -> Self {
        Self { seed: seed.to_owned(), parts: Vec::new() }
    }

    /// Adds a field.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.parts.push((format!("Content-Disposition: form-data; name=\"{}\"\r\n", quoted(name)), value.as_bytes().to_vec()));
    }

    /// Adds a file.
    pub(super) fn file(&mut self, name: &str, file: &Attachment) {
        let head = format!(
            "Content-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n",
            quoted(name),
            quoted(file.name.as_str()),
            file.media_type
        );
        self.parts.push((head, file.bytes.to_vec()));
    }

    /// The form as a request's body.
    pub(super) fn into_request(self, request: RequestBuilder) -> RequestBuilder {
        let (boundary, body) = self.written();
        request.header("content-type", format!("multipart/form-data; boundary={boundary}")).body(body)
    }

    fn written(self) -> (String, Vec<u8>) {
        let mut boundary = self.seed;
        while self.parts.iter().any(|(head, value)| contains(value, &boundary) || head.contains(&boundary)) {
            boundary.push('0');
        }
        let mut body = Vec::new();
        for (head, value) in &self.parts {
            body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n").as_bytes());
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        (boundary, body)
    }
}

/// As browsers write it: the one sign that would end the name is escaped.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_written_as_browsers_do() {
        let mut form = Form::new("seed");
        form.field("h:Reply-To", "é\n--seed");
        let bytes: Arc<[u8]> = Arc::from(&b"\0\xff"[..]);
        let file = Attachment { name: "a\"b.pdf".parse().unwrap(), media_type: "application/pdf".parse().unwrap(), bytes };
        form.file("attachment", &file);
        let (boundary, body) = form.written();
        assert_eq!(boundary, "seed0");
        let expected = [
            "--seed0\r\nContent-Disposition: form-data; name=\"h:Reply-To\"\r\n\r\né\n--seed\r\n".as_bytes(),
            b"--seed0\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"a%22b.pdf\"\r\nContent-Type: application/pdf\r\n\r\n",
            b"\0\xff\r\n--seed0--\r\n",
        ];
        assert_eq!(body, expected.concat());
    }

    proptest! {
        #[test]
        fn no_value_adds_a_part(values in proptest::collection::vec("[a0\\r\\n-]{0,30}", 0..6)) {
            let mut form = Form::new("a");
            for value in &values {
                form.field("f", value);
            }
            let (boundary, body) = form.written();
            let text = String::from_utf8(body).unwrap();
            prop_assert_eq!(text.matches(&boundary).count(), values.len() + 1);
        }
    }
}
