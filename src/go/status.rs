//! The status codes that Go's net/http has a text for; adnanh/webhook answers 200 in place of any other.

use http::StatusCode;

/// The code, if Go knows it. 1xx codes become 200: as final answers they would break the connection.
pub fn known(code: i64) -> Option<StatusCode> {
    let code = u16::try_from(code).ok()?;
    let known = matches!(code, 100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308 | 400..=418 | 421..=426 | 428 | 429
        | 431 | 451 | 500..=508 | 510 | 511);
    let code = if code < 200 { 200 } else { code };
    known.then(|| StatusCode::from_u16(code).ok()).flatten()
}
