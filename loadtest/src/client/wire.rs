//! The bytes of an HTTP/1.1 answer (RFC 9112), as far as they have come.

/// What stands before the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Its own length, the empty line included.
    pub(super) length: usize,
    pub(super) body: Body,
    /// The server keeps the connection.
    pub(super) stays_open: bool,
    /// It says when to come again.
    pub(super) has_retry_after: bool,
}

/// How the body's end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Fixed(usize),
    Chunked,
}

/// The head, once it is whole.
pub(super) fn parse_head(input: &[u8]) -> Result<Option<Head>, &'static str> {
    let Some(length) = find(input, b"\r\n\r\n").map(|at| at + 4) else { return Ok(None) };
    let text = std::str::from_utf8(&input[..length]).map_err(|_| "the head is not text")?;
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status =
        status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    let status: u16 = status.ok_or("the status line is not one of HTTP/1.1")?;
    let (mut fixed, mut is_chunked, mut stays_open, mut has_retry_after) = (None, false, true, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            fixed = Some(value.parse().map_err(|_| "the content length is not a number")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            stays_open = !value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("retry-after") {
            has_retry_after = value.parse::<u32>().is_ok();
        }
    }
    let has_no_body = status == 204 || status == 304;
    let body = match fixed {
        _ if is_chunked => Body::Chunked,
        Some(length) => Body::Fixed(length),
        None if has_no_body => Body::Fixed(0),
        None => return Err("the answer does not say how long it is"),
    };
    Ok(Some(Head { status, length, body, stays_open, has_retry_after }))
}

/// Puts the chunks together; `false` where the last one has not come yet.
pub(super) fn join_chunks(mut input: &[u8], joined: &mut Vec<u8>) -> Result<bool, &'static str> {
    joined.clear();
    loop {
        let Some(line_end) = find(input, b"\r\n") else { return Ok(false) };
        let line = std::str::from_utf8(&input[..line_end]).map_err(|_| "a chunk's size is not text")?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(|_| "a chunk's size is not a number")?;
        let rest = &input[line_end + 2..];
        if size == 0 {
            // No trailers: the next line is empty.
            return Ok(rest.starts_with(b"\r\n"));
        }
        let Some(end) = size.checked_add(2) else { return Err("a chunk is too long") };
        if rest.len() < end {
            return Ok(false);
        }
        if &rest[size..end] != b"\r\n" {
            return Err("a chunk does not end where it says");
        }
        joined.extend_from_slice(&rest[..size]);
        input = &rest[end..];
    }
}

fn find(input: &[u8], needle: &[u8]) -> Option<usize> {
    input.windows(needle.len()).position(|window| window == needle)
}
