//! Uploads as browsers send them: `multipart/form-data`, RFC 7578, written as
//! <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data> says.

use http::HeaderValue;

/// A boundary may have so many characters (RFC 2046, 5.1.1).
const BOUNDARY_CHARACTERS: usize = 70;

/// A form under way.
pub(super) struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// An empty form. Its boundary is made of `Outgoing::key`: every try of a delivery sends the same bytes, and no file
    /// can hold it, for the key is drawn after the file came in.
    pub(super) fn new(key: &str) -> Form {
        let plain = key.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-');
        let boundary = "hookbell-".chars().chain(plain).take(BOUNDARY_CHARACTERS).collect();
        Form { boundary, body: Vec::new() }
    }

    /// The form with a text in it.
    pub(super) fn text(mut self, name: &str, value: &str) -> Form {
        self.begin(name, "");
        self.end(value.as_bytes());
        self
    }

    /// The form with a file in it.
    pub(super) fn file(mut self, name: &str, file_name: &str, mime: &str, bytes: &[u8]) -> Form {
        let mime: String = mime.chars().filter(char::is_ascii_graphic).collect();
        self.body.reserve(bytes.len() + 512);
        self.begin(name, &format!("; filename=\"{}\"\r\nContent-Type: {mime}", escaped(file_name)));
        self.end(bytes);
        self
    }

    /// What stands in `Content-Type`, and the body.
    pub(super) fn finish(mut self) -> (HeaderValue, Vec<u8>) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={}", self.boundary));
        // Letters, digits and dashes can stand in any header.
        (content_type.unwrap_or_else(|_| HeaderValue::from_static("multipart/form-data")), self.body)
    }

    fn begin(&mut self, name: &str, more: &str) {
        let head =
            format!("--{}\r\nContent-Disposition: form-data; name=\"{}\"{more}\r\n\r\n", self.boundary, escaped(name));
        self.body.extend_from_slice(head.as_bytes());
    }

    fn end(&mut self, value: &[u8]) {
        self.body.extend_from_slice(value);
        self.body.extend_from_slice(b"\r\n");
    }
}

/// Names keep their letters, and can't leave their quotes.
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_browsers_write_it() {
        let form = Form::new("01J\r\n-7").text("type", "image/png").file(
            "file",
            "диск\"\r\n.png",
            "image/\r\npng",
            b"\x89PNG\r\n",
        );
        let (content_type, body) = form.finish();
        assert_eq!(content_type, "multipart/form-data; boundary=hookbell-01J-7");
        let wanted = "--hookbell-01J-7\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nimage/png\r\n\
            --hookbell-01J-7\r\nContent-Disposition: form-data; name=\"file\"; filename=\"диск%22%0D%0A.png\"\r\n\
            Content-Type: image/png\r\n\r\n\u{1}PNG\r\n\r\n--hookbell-01J-7--\r\n";
        let (before, after) = wanted.split_once('\u{1}').unwrap();
        assert_eq!(body, [before.as_bytes(), b"\x89", after.as_bytes()].concat());
    }

    #[test]
    fn a_boundary_is_never_too_long() {
        let (content_type, _) = Form::new(&"k".repeat(200)).finish();
        assert_eq!(content_type.len(), "multipart/form-data; boundary=".len() + BOUNDARY_CHARACTERS);
    }
}
