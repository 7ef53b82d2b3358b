//! Requests as callers write them, and as attackers do.

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Result<Request, Reject> {
    Request::read(&mut io::BufReader::new(bytes))
}

fn host(bytes: &[u8]) -> Option<Vec<u8>> {
    read(bytes).ok().and_then(|request| request.host)
}

#[test]
fn line_ends() {
    let accepted: &[&[u8]] = &[
        b"protocol=https\nhost=h\n\n",
        b"protocol=https\nhost=h\n",
        b"protocol=https\nhost=h",
        b"protocol=https\r\nhost=h\r\n\r\n",
        b"protocol=https\r\nhost=h\r\n",
        b"protocol=https\r\nhost=h\r",
        b"protocol=https\r\nhost=h",
        b"host=h\n\nhost=other\n",
    ];
    for bytes in accepted {
        assert_eq!(host(bytes).as_deref(), Some(&b"h"[..]), "{}", escape_bytes(bytes));
    }
    let refused: &[&[u8]] = &[
        b"protocol=https\r\nhost=h\n\n",
        b"protocol=https\nhost=h\r\n\n",
        b"protocol=https\nhost=h\r\n\r\n",
        b"protocol=https\nhost=h\n\r\n",
        b"host=dev\r.evil\n\n",
        b"host=dev\r\r\n\r\n",
        b"host=d\0e\n\n",
        b"protocol=https\nnot-a-pair\n\n",
    ];
    for bytes in refused {
        assert!(read(bytes).is_err(), "{}", escape_bytes(bytes));
    }
}

#[test]
fn a_value_may_hold_equals_signs_and_any_byte_but_lf_nul_cr() {
    let request = read(b"password=ab==\nusername=\xff\xfe=\n").expect("valid");
    assert_eq!(request.password, Some(Secret::from("ab==")));
    assert_eq!(request.username.as_deref(), Some(&b"\xff\xfe="[..]));
}

#[test]
fn repeated_keys_must_agree() {
    assert_eq!(host(b"host=h\nhost=h\n"), Some(b"h".to_vec()));
    for key in ["protocol", "host", "path", "username", "password", "authtype", "credential"] {
        let text = format!("{key}=a\n{key}=b\n");
        assert!(read(text.as_bytes()).is_err(), "{key}");
    }
}

#[test]
fn arrays_keep_order_and_reset_on_empty() {
    let request = read(b"wwwauth[]=a\nwwwauth[]=b\nstate[]=x\nstate[]=\nstate[]=y\n");
    let request = request.expect("valid");
    assert_eq!(request.wwwauth, [b"a".to_vec(), b"b".to_vec()]);
    assert_eq!(request.state, [b"y".to_vec()]);
}

#[test]
fn expiry_is_positive_decimal_seconds_or_never() {
    let rows: &[(&str, Option<u64>)] = &[
        ("1700000000", Some(1_700_000_000)),
        ("0", None),
        ("-1", None),
        ("+5", None),
        ("soon", None),
        ("", None),
        ("99999999999999999999", None),
    ];
    for (text, expected) in rows {
        let request = read(format!("password_expiry_utc={text}\n").as_bytes());
        assert_eq!(request.expect("valid").password_expiry_utc, *expected, "{text}");
    }
}

#[test]
fn url_adds_but_never_contradicts() {
    let request = read(b"url=https://org@dev.azure.com/org/My%20P/_git/r\n").expect("valid");
    assert_eq!(request.host.as_deref(), Some(&b"dev.azure.com"[..]));
    assert_eq!(request.path.as_deref(), Some(&b"org/My P/_git/r"[..]));
    assert_eq!(request.username.as_deref(), Some(&b"org"[..]));
    assert!(read(b"host=evil.example\nurl=https://dev.azure.com/\n").is_err());
    assert!(read(b"url=https://evil.example/?%0ahost=x\nhost=dev.azure.com\n").is_err());
    assert!(read(b"url=https://h/%0aprotocol=x\n").is_err());
    assert!(read(b"url=nonsense\n").is_err());
}

#[test]
fn limits() {
    let line = |n: usize| [b"wwwauth[]=".as_slice(), &vec![b'a'; n], b"\n"].concat();
    assert!(read(&line(LINE_LIMIT - 11)).is_ok());
    assert!(matches!(read(&line(LINE_LIMIT - 10)), Err(Reject::TooLong)));
    assert!(matches!(read(&line(60_000).repeat(18)), Err(Reject::TooLong)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(request) = read(&bytes) {
            for value in [&request.protocol, &request.host, &request.path, &request.username]
                .into_iter()
                .flatten()
            {
                prop_assert!(!value.iter().any(|byte| b"\0\r\n".contains(byte)));
            }
        }
    }

    #[test]
    fn what_is_written_is_read(
        host in "[^\0\r\n]{0,40}", path in "[^\0\r\n]{0,40}", password in "[^\0\r\n]{0,40}",
        crlf in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let text =
            format!("protocol=https{end}host={host}{end}path={path}{end}password={password}{end}{end}");
        let request = read(text.as_bytes()).expect("valid");
        prop_assert_eq!(request.host, Some(host.into_bytes()));
        prop_assert_eq!(request.path, Some(path.into_bytes()));
        prop_assert_eq!(request.password, Some(Secret::from(password)));
    }
}
