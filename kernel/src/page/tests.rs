//! Cursors go round and refuse what is foreign.

use super::*;

#[test]
fn a_cursor_comes_back() {
    let cursor = Cursor::after(Uuid::from_u128(7));
    assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
}

#[test]
fn foreign_texts_are_refused() {
    for text in ["", "x", "AAAA", "not base64!", &URL_SAFE_NO_PAD.encode([2_u8; 17])] {
        assert_eq!(Cursor::decode(text), Err(ParseCursorError), "{text:?}");
    }
}

#[test]
fn only_a_row_too_many_makes_a_next_page() {
    let rows: Vec<u128> = vec![1, 2, 3];
    let id_of = |row: &u128| Uuid::from_u128(*row);
    assert_eq!(Page::from_rows(rows.clone(), 3, id_of).next, None);
    let page = Page::from_rows(rows, 2, id_of);
    assert_eq!((page.items.len(), page.next), (2, Some(Cursor::after(Uuid::from_u128(2)))));
}
