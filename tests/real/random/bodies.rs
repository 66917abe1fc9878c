//! Bodies of all five kinds, well made and not.

use super::words;
use crate::dice::Dice;

/// Content types, as they come and as they should not.
pub(crate) const TYPES: &[&str] = &[
    "application/json",
    "application/json; charset=utf-8",
    "application/vnd.x+json; v=1",
    "application/JSON",
    "json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded;charset=utf-8",
    "application/X-WWW-form-urlencoded",
    "text/xml",
    "application/xml",
    "application/soap+xml; charset=utf-8",
    "text/XML",
    "text/plain",
    "",
    "multipart/form-data",
    "application/octet-stream",
    "multipart/mixed; boundary=BB",
];

/// A body and its type.
pub(crate) struct Body {
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn body(dice: &mut Dice) -> Body {
    let (content_type, mut bytes) = match dice.below(20) {
        0..=7 => (dice.pick(&TYPES[..3]).to_owned(), json_document(dice).into_bytes()),
        8..=10 => (TYPES[5].to_owned(), form(dice).into_bytes()),
        11..=13 => (dice.pick(&TYPES[8..11]).to_owned(), xml_document(dice).into_bytes()),
        14..=16 => multipart(dice),
        _ => ("text/plain".to_owned(), words::text(dice).into_bytes()),
    };
    if dice.chance(12) {
        mutate(dice, &mut bytes);
    }
    let content_type = if dice.chance(8) { dice.pick(TYPES).to_owned() } else { content_type };
    Body { content_type, bytes }
}

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let at = dice.below(bytes.len() + 1);
    match dice.below(6) {
        0 => bytes.truncate(at),
        1 => bytes.extend(b" trailing"),
        2 => bytes.insert(at, 0xff),
        3 => bytes.insert(at, u8::try_from(dice.below(256)).unwrap()),
        4 if at < bytes.len() => drop(bytes.remove(at)),
        _ => bytes
            .splice(0..0, *dice.pick(&[&b"\xef\xbb\xbf"[..], b" ", b"\n", b"\x00", b"x"]).first_chunk::<1>().unwrap())
            .for_each(drop),
    }
}

fn json_document(dice: &mut Dice) -> String {
    match dice.below(20) {
        0 => dice
            .pick(&[
                "5",
                "\"str\"",
                "null",
                "",
                "true",
                "{\"a\":1,",
                "[1,2",
                "{\"a\" 1}",
                "nul",
                "{'a':1}",
                "{\"a\":01}",
            ])
            .to_owned(),
        1 | 2 => format!(" {}", json_list(dice, 2)),
        _ => json_object(dice, 3),
    }
}

pub(crate) fn json(dice: &mut Dice, depth: usize) -> String {
    const SCALARS: &[&str] = &[
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "1.0",
        "1.50",
        "1E3",
        "1e-7",
        "1e999",
        "12345678901234567890123",
        "-1.5e+07",
        "\"x\"",
        "\"x\"",
        "\"1\"",
        "\"\\u00e9\\ud83d\\udd14\"",
        "\"\\ud83d\"",
        "\"\\/\\b\\f\\u0000\"",
        "\"\\ud83d\\u0041\"",
    ];
    match dice.below(if depth == 0 { 5 } else { 8 }) {
        0 | 1 => dice.pick(SCALARS).to_owned(),
        5 | 6 => json_object(dice, depth - 1),
        7 => json_list(dice, depth - 1),
        _ => serde_json::to_string(&words::text(dice)).unwrap(),
    }
}

fn json_object(dice: &mut Dice, depth: usize) -> String {
    let blank = dice.pick(&["", "", " ", "\n\t"]);
    let pairs = dice.some(6, |dice| {
        let key = serde_json::to_string(words::key(dice)).unwrap();
        format!("{blank}{key}:{blank}{}", json(dice, depth))
    });
    format!("{{{}}}", pairs.join(","))
}

fn json_list(dice: &mut Dice, depth: usize) -> String {
    format!("[{}]", dice.some(4, |dice| json(dice, depth)).join(","))
}

/// A query, or the body of a form.
pub(crate) fn form(dice: &mut Dice) -> String {
    let mut pairs = dice.some(5, |dice| {
        let key = encoded(dice, dice_key);
        if dice.chance(90) { format!("{key}={}", encoded(dice, words::text)) } else { key }
    });
    if dice.chance(6) {
        pairs.push(
            dice.pick(&["a=%zz", "b=100%", "a;b=1", "%", "=e", "", "k=a=b", "c=%FF%00%7F", "%61=z", "a=1;b=2", "+=+"])
                .to_owned(),
        );
    }
    pairs.join("&")
}

fn dice_key(dice: &mut Dice) -> String {
    words::key(dice).to_owned()
}

fn encoded(dice: &mut Dice, make: impl Fn(&mut Dice) -> String) -> String {
    let text = make(dice);
    let mut out = String::new();
    for byte in text.bytes().take(3000) {
        match byte {
            b' ' if dice.chance(50) => out.push('+'),
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'.'
            | b'-'
            | b'_'
            | b'*'
            | b'('
            | b')'
            | b'$'
            | b','
            | b':'
            | b'/'
            | b'['
            | b']' => {
                out.push(char::from(byte));
            }
            _ if dice.chance(50) => out.push_str(&format!("%{byte:02X}")),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

fn xml_document(dice: &mut Dice) -> String {
    let head = dice.pick(&[
        "",
        "",
        "",
        "<?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<!-- c -->",
        "<!DOCTYPE a>",
        "<?xml version=\"1.0\" encoding=\"latin-1\"?>",
        "stray ",
        "<?pi x?>",
    ]);
    let mut out = head.to_owned();
    element(dice, 3, &mut out);
    out.push_str(dice.pick(&["", "", "\n", "<b/>", "junk", "<!-- c -->"]));
    out
}

fn element(dice: &mut Dice, depth: usize, out: &mut String) {
    let name = dice.pick(&["a", "b", "a", "b", "n", "c", "ns:a", "x.y", "é", "_u", "A", "root"]);
    let attributes = dice.some(2, |dice| {
        let name = dice.pick(&["a", "b", "x", "ns:x", "xmlns", "xmlns:ns", "xml:lang"]);
        let value = dice.pick(&["1", "", "a&amp;b", "&#65;", " x ", "é", "&lt;", "a\nb"]);
        let quote = dice.pick(&["\"", "'"]);
        format!(" {name}={quote}{value}{quote}")
    });
    out.push_str(&format!("<{name}{}", attributes.concat()));
    if dice.chance(12) {
        return out.push_str("/>");
    }
    out.push('>');
    if depth > 0 && dice.chance(60) {
        // Text before the first child is read otherwise by 2.8.0: it has a fixture of its own.
        for _ in 0..dice.below(4) {
            out.push_str(dice.pick(&["", "", "\n  "]));
            element(dice, depth - 1, out);
        }
        if dice.chance(15) {
            out.push_str(dice.pick(&["post", " post ", "<!-- c -->", "<?pi?>", "&amp;", "<![CDATA[ <c> ]]>"]));
        }
    } else {
        for _ in 0..dice.below(3) {
            out.push_str(dice.pick(XML_TEXTS));
        }
    }
    out.push_str(&format!("</{name}{}", dice.pick(&[">", ">", ">", " >"])));
}

const XML_TEXTS: &[&str] = &[
    "x",
    "1",
    " padded ",
    "\n",
    "a&amp;b",
    "&lt;&gt;&quot;&apos;",
    "&#233;",
    "&#xE9;",
    "&#x1F514;",
    "&nope;",
    "&",
    "<![CDATA[ <x> ]]>",
    "<!-- c -->",
    "é",
    "]]>",
    "&#0;",
    "\u{1}",
    "&#65",
    "true",
    "<![CDATA[]]>",
    "\u{a0}x\u{a0}",
    "a\r\nb",
];

fn multipart(dice: &mut Dice) -> (String, Vec<u8>) {
    const TYPES: &[&str] = &[
        "multipart/form-data; boundary=BB",
        "multipart/form-data; boundary=\"BB\"",
        "multipart/form-data;boundary=BB; x=y",
        "multipart/form-data; Boundary=BB",
    ];
    const ODD: &[&str] = &[
        "multipart/form-data; boundary=json",
        "multipart/form-data; boundary=",
        "multipart/form-data;",
        "multipart/form-data",
        "Multipart/Form-Data; boundary=BB",
        "multipart/form-data; boundary=CC",
        "multipart/form-data; boundary=B B",
        "multipart/form-data; x",
    ];
    let content_type = {
        let odd = dice.chance(12);
        dice.pick(if odd { ODD } else { TYPES }).to_owned()
    };
    let eol = if dice.chance(5) { "\n" } else { "\r\n" };
    let mut out = String::new();
    if dice.chance(5) {
        out.push_str(&format!("preamble{eol}"));
    }
    for _ in 0..dice.below(5) {
        part(dice, eol, &mut out);
    }
    out.push_str(dice.pick(&["--BB--", "--BB--", "--BB--", "--BB--\r\n", "--BB--\r\nepilogue", "--BB", "", "--BB-- "]));
    (content_type, out.into_bytes())
}

fn part(dice: &mut Dice, eol: &str, out: &mut String) {
    let name = words::key(dice);
    let mut lines = match dice.below(10) {
        0 => vec!["Content-Disposition: form-data".to_owned()],
        1 => vec![format!("Content-Disposition: form-data; name={name}")],
        2 | 3 => vec![format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"f.json\"")],
        4 => vec![format!("content-disposition: form-data; name=\"{name}\"; filename=\"\"")],
        5 => vec![format!("Content-Disposition: attachment; name=\"{name}\"")],
        _ => vec![format!("Content-Disposition: form-data; name=\"{name}\"")],
    };
    if dice.chance(35) {
        lines.push(format!(
            "Content-Type: {}",
            dice.pick(&[
                "application/json",
                "application/json; charset=utf-8",
                "text/plain",
                "application/JSON",
                "application/octet-stream"
            ])
        ));
    }
    if dice.chance(5) {
        lines.push("Content-Transfer-Encoding: quoted-printable".to_owned());
    }
    let value = if dice.chance(50) { json(dice, 2) } else { words::text(dice) };
    out.push_str(&format!("--BB{eol}{}{eol}{eol}{value}{eol}", lines.join(eol)));
}
