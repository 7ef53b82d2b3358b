use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::entra::EntraError;

fn read(status: u16, body: &Value) -> Refusal {
    Refusal::read(status, None, body.to_string().as_bytes())
}

/// A body in Entra's shape.
fn entra(error: &str, codes: &[u32], suberror: &str) -> Value {
    let code = codes.first().copied().unwrap_or_default();
    let mut body = json!({
        "error": error,
        "error_description": format!(
            "AADSTS{code}: No luck, ada@contoso.example.\r\nTrace ID: 1\r\nTimestamp: 2"
        ),
        "error_codes": codes,
        "timestamp": "2026-01-09 02:02:12Z",
        "trace_id": "11111111-2222-3333-4444-555555555555",
        "correlation_id": "0f0f0f0f-1111-2222-3333-444444444444",
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    if !suberror.is_empty() {
        body["suberror"] = json!(suberror);
    }
    body
}

#[test]
fn classes() {
    use Class::*;
    for (status, error, codes, suberror, want) in [
        (400, "invalid_grant", &[70008][..], "bad_token", Dead),
        (400, "invalid_grant", &[700082], "token_expired", Dead),
        (400, "invalid_grant", &[70008], "", Interaction),
        (400, "invalid_grant", &[700082], "", Interaction),
        (400, "invalid_grant", &[], "", Interaction),
        (400, "invalid_grant", &[50076], "basic_action", Interaction),
        (400, "invalid_grant", &[65001], "consent_required", Interaction),
        (400, "invalid_grant", &[53003], "message_only", Blocked),
        (400, "invalid_grant", &[53005], "protection_policy_required", Blocked),
        (400, "invalid_grant", &[1], "client_mismatch", Interaction),
        (400, "invalid_grant", &[50196], "", ClientLoop),
        (400, "invalid_grant", &[50196], "bad_token", ClientLoop),
        (400, "interaction_required", &[50196], "", ClientLoop),
        (400, "interaction_required", &[50076], "", Interaction),
        (400, "interaction_required", &[53003], "message_only", Blocked),
        (400, "consent_required", &[65001], "", Interaction),
        (400, "login_required", &[50058], "", Interaction),
        (401, "invalid_client", &[7000215], "", Client),
        (400, "invalid_client", &[7000218], "", Client),
        (400, "unauthorized_client", &[700016], "", Client),
        (400, "invalid_scope", &[70011], "", Client),
        (400, "invalid_resource", &[500011], "", Client),
        (400, "invalid_request", &[90014], "", Client),
        (400, "unsupported_grant_type", &[70003], "", Client),
        (400, "invalid_tenant", &[90002], "", Client),
        (400, "invalid_instance", &[50049], "", Client),
        (400, "something_new", &[], "", Client),
        (400, "access_denied", &[65004], "", Blocked),
        (400, "temporarily_unavailable", &[90033], "", Transient),
        (400, "server_error", &[70012], "", Transient),
        (400, "authorization_pending", &[70016], "", Transient),
        (400, "expired_token", &[70019], "", Interaction),
        (400, "authorization_declined", &[], "", Blocked),
        (503, "temporarily_unavailable", &[90033], "", Transient),
        (500, "invalid_grant", &[70008], "bad_token", Transient),
        (429, "invalid_grant", &[70008], "bad_token", Throttled),
    ] {
        let got = read(status, &entra(error, codes, suberror));
        assert_eq!(got.class, want, "{status} {error} {codes:?} {suberror}");
        assert_eq!(got.codes, if codes.is_empty() { &[0][..] } else { codes });
    }
}

#[test]
fn another_providers_invalid_grant_is_final() {
    for (body, want) in [
        (json!({"error": "invalid_grant"}), Class::Dead),
        (json!({"error": "invalid_grant", "error_description": "revoked"}), Class::Dead),
        (json!({"error": "invalid_grant", "error_codes": []}), Class::Interaction),
        (
            json!({"error": "invalid_grant", "error_description": "AADSTS50076: MFA"}),
            Class::Interaction,
        ),
        (json!({"error": "invalid_grant", "suberror": "basic_action"}), Class::Interaction),
    ] {
        assert_eq!(read(400, &body).class, want, "{body}");
    }
}

#[test]
fn no_answer_of_the_protocol_is_a_passing_fault() {
    for (status, body) in [
        (502, "<html>Bad gateway</html>"),
        (400, "<html>proxy</html>"),
        (401, ""),
        (403, "[]"),
        (400, "{\"error\": {\"code\": \"x\"}}"),
        (400, "{\"message\": \"x\"}"),
        (400, "{\"error\": \"invalid_grant\""),
        (302, ""),
    ] {
        let got = Refusal::read(status, None, body.as_bytes());
        assert_eq!((got.class, got.retry_after), (Class::Transient, None), "{body}");
        assert!(got.explain().1.contains(&status.to_string()));
    }
    let mut long = entra("invalid_grant", &[70008], "bad_token");
    long["claims"] = json!("x".repeat(BODY_MAX));
    assert_eq!(read(400, &long).class, Class::Transient);
}

#[test]
fn waits() {
    let body = entra("temporarily_unavailable", &[90055], "").to_string();
    for (status, header, class, wait) in [
        (429, None, Class::Throttled, Some(60)),
        (429, Some(5), Class::Throttled, Some(5)),
        (503, Some(120), Class::Throttled, Some(120)),
        (400, Some(u64::MAX), Class::Throttled, Some(3600)),
        (503, None, Class::Transient, None),
    ] {
        let got = Refusal::read(status, header, body.as_bytes());
        assert_eq!((got.class, got.retry_after), (class, wait), "{status} {header:?}");
    }
    let pause = read(400, &entra("invalid_grant", &[50196], ""));
    assert_eq!(pause.retry_after, Some(60));
    for (value, want) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("99999999999999999999999", Some(3600)),
        ("Wed, 21 Oct 2026 07:28:00 GMT", Some(60)),
        ("-5", Some(60)),
        ("", None),
    ] {
        assert_eq!(parse_retry_after(value), want, "{value}");
    }
}

#[test]
fn fields() {
    let got = read(401, &entra("invalid_client", &[7000215], ""));
    assert_eq!(got.first_line, "AADSTS7000215: No luck, (account)");
    assert_eq!(got.correlation_id.as_deref(), Some("0f0f0f0f-1111-2222-3333-444444444444"));
    assert_eq!(got.status, 401);
    for (codes, want) in [
        (json!([70002, 70008]), vec![70002, 70008]),
        (json!(["70008"]), vec![70008]),
        (json!("[500011]"), vec![500011]),
        (json!(70008), vec![70008]),
        (json!([-1, 1e30, null, {"a": 1}, [[1]]]), vec![5]),
        (json!(null), vec![5]),
    ] {
        let body =
            json!({"error": "x", "error_codes": codes, "error_description": "AADSTS5: AADSTS5"});
        assert_eq!(read(400, &body).codes, want, "{body}");
    }
    let odd = read(400, &json!({"error": "a\u{1b}b", "correlation_id": "\u{1b}"}));
    assert_eq!((odd.error.as_str(), odd.correlation_id), ("unreadable", None));
    for description in [
        "AADSTS9: One. Trace ID: x Correlation ID: y",
        "AADSTS9: One.Trace ID: x",
        "AADSTS9: One.\nCorrelation ID: y",
    ] {
        let body = json!({"error": "x", "error_description": description});
        assert_eq!(read(400, &body).first_line, "AADSTS9: One.");
    }
}

#[test]
fn explanations() {
    let explain = |body: &Value| read(400, body).explain();
    let (step, cause, fix) = explain(&entra("invalid_client", &[7000215], ""));
    assert_eq!(step, Some(Step::ClientSecret));
    assert!(cause.contains("Value") && fix.contains("Certificates & secrets"));
    let (_, cause, _) = explain(&entra("invalid_grant", &[70002, 70008], ""));
    assert!(cause.contains("not used"));
    let (step, cause, fix) = explain(&entra("invalid_scope", &[9_999_999], ""));
    assert_eq!(step, Some(Step::ApiPermissions));
    assert_eq!(cause, "Entra answered AADSTS9999999: No luck, (account)");
    assert!(fix.ends_with("https://login.microsoftonline.com/error?code=9999999"));
    for (error, want) in [
        // No secret was sent.
        ("invalid_client", Some(Step::Authentication)),
        ("unauthorized_client", Some(Step::AppRegistration)),
        ("unsupported_grant_type", Some(Step::Authentication)),
        ("invalid_grant", Some(Step::Connect)),
        ("server_error", None),
        ("something_new", None),
    ] {
        let (step, cause, _) = explain(&json!({"error": error, "error_description": "why"}));
        assert_eq!(step, want, "{error}");
        assert_eq!(cause, format!("the login host answered {error}: why"));
    }
}

proptest! {
    #[test]
    fn an_answer_of_any_bytes_ends_no_session(
        status in any::<u16>(),
        retry_after in any::<Option<u64>>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let got = Refusal::read(status, retry_after, &body);
        prop_assert!(got.class != Class::Dead);
        let _ = got.explain();
    }

    #[test]
    fn any_fields(
        error in "(invalid_grant|[a-z_]{0,9})",
        description in "\\PC{0,80}",
        codes in "\\PC{0,20}",
        suberror in "(bad_token|\\PC{0,9})",
    ) {
        let body = json!({
            "error": error, "error_description": description,
            "error_codes": codes, "suberror": suberror,
        });
        let got = read(400, &body);
        prop_assert!(got.class != Class::Dead || error == "invalid_grant");
        let _ = got.explain();
    }
}

#[test]
fn the_correlation_id_is_said_where_an_administrator_has_to_act() {
    const ID: &str = "; correlation ID 0f0f0f0f-1111-2222-3333-444444444444";
    for (status, error, code, said) in [
        (401, "invalid_client", 7_000_215, true),
        (400, "access_denied", 53003, true),
        (400, "invalid_grant", 50173, false),
        (503, "temporarily_unavailable", 90033, false),
    ] {
        let refusal = read(status, &entra(error, &[code], ""));
        let blamed = matches!(refusal.class, Class::Blocked | Class::Client);
        assert_eq!(blamed, said, "{code}");
        let text = EntraError::Refused(Box::new(refusal)).to_string();
        assert_eq!(text.ends_with(ID), said, "{text}");
        assert_eq!(text.contains("correlation"), said, "{text}");
    }
}
