use super::*;

#[test]
fn the_table_is_sorted_and_unique() {
    for pair in TABLE.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} before {}", pair[0].code, pair[1].code);
    }
    assert!(TABLE.len() > 150);
}

#[test]
fn rows_are_clauses() {
    for row in TABLE {
        for clause in [row.cause, row.fix] {
            assert!(!clause.is_empty() && !clause.ends_with('.'), "{clause}");
            assert_eq!(clause, escape(clause));
            assert!(!clause.contains("  "), "{clause}");
        }
    }
}

#[test]
fn codes_lead_to_steps() {
    for (code, step) in [
        (700016, Step::AppRegistration),
        (90002, Step::AppRegistration),
        (50194, Step::AppRegistration),
        (50011, Step::Authentication),
        (7000218, Step::Authentication),
        (7000215, Step::ClientSecret),
        (7000222, Step::ClientSecret),
        (65001, Step::ApiPermissions),
        (90094, Step::ApiPermissions),
        (70011, Step::ApiPermissions),
        (500011, Step::ApiPermissions),
        (900021, Step::Organization),
        (50020, Step::Connect),
        (53003, Step::Connect),
        (700082, Step::Connect),
    ] {
        assert_eq!(explain(code).map(|row| row.step), Some(step), "{code}");
    }
    assert_eq!(explain(1), None);
}

#[test]
fn the_wrong_secret_is_told_rightly() {
    let row = explain(7000215).expect("a row");
    assert!(row.cause.contains("Value") && row.fix.contains("Certificates & secrets"));
    assert!(row.fix.ends_with(GIVE_SECRET));
    assert!(!format!("{}{}", row.cause, row.fix).contains("propagat"));
}

#[test]
fn unknown_codes_repeat_what_entra_said() {
    assert_eq!(
        explain_unknown(999_999, "AADSTS999999: Something \u{1b}new."),
        (
            "Entra answered AADSTS999999: Something \\u{1b}new.".to_owned(),
            "look it up at https://login.microsoftonline.com/error?code=999999".to_owned()
        )
    );
    assert_eq!(explain_unknown(7, "").0, "Entra answered AADSTS7");
}

/// The codes that Entra ID is known to answer somebody who sets up or uses such a sign-in.
#[rustfmt::skip]
const KNOWN: &[(Step, &[u32])] = &[
    (Step::AppRegistration, &[
        50049, 50059, 50105, 50128, 50194, 65002, 70001, 90002, 90004, 90013, 90014, 90019, 90023, 90038, 90043, 90100,
        90102, 90124, 90130, 90133, 500207, 500208, 700005, 700011, 700016, 900023, 900144, 900382, 900432, 1000031,
        7000112, 7000114, 7000229, 9001023, 9002313, 9002332,
    ]),
    (Step::Authentication, &[
        50011, 70003, 70004, 70005, 70007, 500112, 500113, 500117, 700025, 700054, 700084, 900971, 7000218, 9002325,
        9002326, 9002327,
    ]),
    (Step::ClientSecret, &[
        50012, 50013, 50027, 70002, 70021, 500131, 500133, 700024, 700027, 700030, 700211, 700212, 700213, 700229,
        7000215, 7000216, 7000222,
    ]),
    (Step::ApiPermissions, &[
        28002, 28003, 50001, 65001, 65004, 65005, 70011, 90008, 90009, 90093, 90094, 90095, 90099, 500011, 650053, 650056,
        650057, 700022, 700023,
    ]),
    (Step::Organization, &[500014, 650052, 650054, 900021]),
    (Step::Connect, &[
        16000, 16003, 50002, 50014, 50020, 50033, 50034, 50053, 50055, 50056, 50057, 50058, 50064, 50072, 50074, 50076,
        50078, 50079, 50085, 50089, 50097, 50125, 50126, 50129, 50131, 50132, 50133, 50134, 50135, 50140, 50142, 50144,
        50147, 50155, 50158, 50161, 50166, 50168, 50173, 50187, 50196, 50199, 51004, 53000, 53001, 53002, 53003, 53004,
        53010, 53011, 54005, 70000, 70008, 70012, 70016, 70018, 70019, 70043, 90006, 90012, 90024, 90033, 90055, 90072,
        90084, 90090, 90119, 90120, 500021, 500022, 500121, 500212, 500213, 501481, 501491, 530032, 530034, 530035,
        530036, 700020, 700082, 900561, 901002, 1000104,
    ]),
];

#[test]
fn every_known_code_leads_to_its_step() {
    for (step, codes) in KNOWN {
        for code in *codes {
            assert_eq!(explain(*code).map(|row| row.step), Some(*step), "{code}");
        }
    }
}

#[test]
fn what_common_advice_gets_wrong_is_not_repeated() {
    for row in TABLE {
        let words = format!("{}; {}", row.cause, row.fix);
        assert!(!words.contains("Third-party"), "{words}");
        assert!(!words.contains("ID tokens"), "{words}");
    }
    let fix = explain(700054).expect("a row").fix;
    assert!(fix.contains("no box to be ticked"), "{fix}");
}

#[test]
fn what_is_mended_in_the_portal_says_where() {
    for row in
        TABLE.iter().filter(|row| matches!(row.step, Step::ApiPermissions | Step::ClientSecret))
    {
        let places = [
            "API permissions",
            "Certificates & secrets",
            "scopes",
            "Overview",
            "clock",
            "administrator",
            "audience",
        ];
        assert!(places.iter().any(|place| row.fix.contains(place)), "{}: {}", row.code, row.fix);
    }
}
