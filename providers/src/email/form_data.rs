//! `multipart/form-data` (RFC 7578) as SendGrid's Inbound Parse posts it: parts with names, over the raw bytes.

/// One field or file of a form.
pub(crate) struct FormPart<'a> {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: &'a [u8],
}

/// The most parts that are read of one form.
const MAX_PARTS: usize = 256;

/// Reads a form. `None` where the boundary is missing or the form is not closed.
pub(crate) fn parse<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<FormPart<'a>>> {
    let boundary = parameter(content_type, "boundary").filter(|found| (1..=70).contains(&found.len()))?;
    let delimiter = format!("--{boundary}").into_bytes();
    let mut rest = &body[find(body, &delimiter)? + delimiter.len()..];
    let mut parts = Vec::new();
    let inner = [b"\r\n", delimiter.as_slice()].concat();
    while !rest.starts_with(b"--") {
        // After a boundary comes its line end; RFC 2046 allows blanks before it.
        let line_end = find(rest, b"\r\n")?;
        rest = &rest[line_end + 2..];
        let end = find(rest, &inner)?;
        if parts.len() == MAX_PARTS {
            return None;
        }
        parts.extend(part(&rest[..end]));
        rest = &rest[end + inner.len()..];
    }
    Some(parts)
}

fn part(bytes: &[u8]) -> Option<FormPart<'_>> {
    let head_end = find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..head_end]);
    let header = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    Some(FormPart {
        name: parameter(&disposition, "name")?,
        filename: parameter(&disposition, "filename"),
        content_type: header("content-type"),
        bytes: &bytes[head_end + 4..],
    })
}

/// A parameter of a header value, quoted or not.
pub(crate) fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value;
    while let Some(start) = rest.find(';') {
        rest = rest[start + 1..].trim_start();
        let (name, after) = rest.split_once('=')?;
        let (found, remainder) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(found);
        }
        rest = remainder;
    }
    None
}

/// The text up to the closing quote, and what comes after it.
fn unquote(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return (text, &quoted[position + 1..]),
            '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
            other => text.push(other),
        }
    }
    (text, "")
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // Looking for the first byte first keeps large attachments cheap.
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(offset) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        let start = from + offset;
        if haystack[start..].starts_with(needle) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_reads_back() {
        let body = b"preamble\r\n--xY\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nline 1\r\nline 2\r\n\
            --xY\r\nContent-Type: image/png\r\ncontent-disposition: form-data; name=attachment1; filename=\"a \\\"b\\\";.png\"\r\n\r\n\
            \x89PNG\r\n--x\r\n--xY--\r\n";
        let parts = parse("multipart/form-data; boundary=\"xY\"", body).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].name.as_str(), parts[0].bytes), ("text", &b"line 1\r\nline 2"[..]));
        assert_eq!((parts[1].name.as_str(), parts[1].bytes), ("attachment1", &b"\x89PNG\r\n--x"[..]));
        assert_eq!(parts[1].filename.as_deref(), Some("a \"b\";.png"));
        assert_eq!(parts[1].content_type.as_deref(), Some("image/png"));
    }

    #[test]
    fn a_broken_form_is_none() {
        for (content_type, body) in [
            ("multipart/form-data", &b"--x\r\n\r\n--x--"[..]),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\ncut off"),
            ("multipart/form-data; boundary=x", b"nothing"),
        ] {
            assert!(parse(content_type, body).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(content_type in any::<String>(), body in any::<Vec<u8>>()) {
            let _ = parse(&content_type, &body);
            let _ = parse("multipart/form-data; boundary=x", &[b"--x", body.as_slice(), b"\r\n--x"].concat());
        }
    }
}
