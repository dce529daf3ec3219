//! Functions over the wire.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tfplugin_proto::tfplugin6::{Function, call_function, get_functions};
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::schema;
use tokenferry_tests::value::{Value, object};

const CLAIMS: &str = "jwt_claims";
const EXPIRES_AT: &str = "jwt_expires_at";

/// A token with these claims that nobody has signed.
pub(crate) fn jwt(claims: &str) -> String {
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims))
}

fn argument(claims: &str) -> [Value; 1] {
    [jwt(claims).into()]
}

#[tokio::test]
async fn case_48_functions_work_before_the_provider_is_configured_and_after() {
    let issuer = Issuer::start("case-48").await;
    let plugin = Plugin::start().await;
    let claims = r#"{"sub":"anna","exp":1800003600,"n":0.10,"roles":["a",1,null,{"x":true}]}"#;
    let item = Value::List(vec!["a".into(), Value::Int(1), Value::Null, object([("x", true.into())])]);
    let expected = object([
        ("sub", "anna".into()),
        ("exp", Value::Int(1_800_003_600)),
        ("n", "0.10".into()),
        ("roles", item),
    ]);
    let ty = r#"["object",{"exp":"number","n":"number","roles":["tuple",["string","number","dynamic",["object",{"x":"bool"}]]],"sub":"string"}]"#;
    for configured in [false, true] {
        if configured {
            plugin.configure(&issuer.config()).await.ok();
        }
        let result = plugin.call_function(CLAIMS, &argument(claims)).await.unwrap();
        assert_eq!(result, Value::List(vec![ty.into(), expected.clone()]));
        let end = plugin.call_function(EXPIRES_AT, &argument(claims)).await.unwrap();
        assert_eq!(end, "2027-01-15T09:00:00Z".into());
        assert_eq!(plugin.call_function(EXPIRES_AT, &argument("{}")).await.unwrap(), Value::Null);
    }
    assert_eq!(issuer.connections(), 0);
    plugin.finish().await;
}

#[tokio::test]
async fn case_48_a_wrong_argument_is_named_by_its_number_and_never_repeated() {
    let plugin = Plugin::start().await;
    let secret = "planted-secret-of-a-call";
    let wrong = [
        String::new(),
        secret.to_owned(),
        format!("Bearer {}", jwt("{}")),
        format!("{secret}.{secret}"),
        format!("{secret}.{secret}.{secret}"),
        format!("{secret}.b.c.d.e"),
        jwt(&format!("[\"{secret}\"]")),
        jwt(&format!(r#"{{"a":"{secret}","a":1}}"#)),
        jwt(&format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000))),
        "x".repeat(1_000_000),
    ];
    for text in wrong {
        for name in [CLAIMS, EXPIRES_AT] {
            let error = plugin.call_function(name, &[text.as_str().into()]).await.unwrap_err();
            assert_eq!(error.function_argument, Some(0), "{}", error.text);
            assert!(!error.text.is_empty() && !error.text.contains(secret), "{}", error.text);
        }
    }
    for claims in [r#"{"exp":"soon"}"#, r#"{"exp":1800003600000}"#] {
        let error = plugin.call_function(EXPIRES_AT, &argument(claims)).await.unwrap_err();
        assert!(error.function_argument == Some(0) && error.text.contains("`exp`"), "{}", error.text);
        plugin.call_function(CLAIMS, &argument(claims)).await.unwrap();
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_48_arguments_that_the_signature_does_not_have_are_errors() {
    let plugin = Plugin::start().await;
    let good = argument("{}")[0].clone();
    for name in [CLAIMS, EXPIRES_AT] {
        let numbered = [
            (vec![Value::Null], Some(0)),
            (vec![Value::unknown()], Some(0)),
            (vec![Value::Int(1)], Some(0)),
            (vec![good.clone(), good.clone()], Some(1)),
            (vec![], None),
        ];
        for (arguments, number) in numbered {
            let error = plugin.call_function(name, &arguments).await.unwrap_err();
            assert_eq!(error.function_argument, number, "{}", error.text);
        }
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_49_an_unknown_function_is_an_error_and_nothing_more() {
    let plugin = Plugin::start().await;
    for name in ["no_such_function", "", "JWT_CLAIMS"] {
        let request = call_function::Request { name: name.to_owned(), arguments: Vec::new() };
        let response = plugin.provider().call_function(request).await.expect("status OK").into_inner();
        assert!(response.result.is_none());
        assert!(response.error.is_some_and(|error| !error.text.is_empty()), "no error for {name:?}");
    }
    plugin.call_function(EXPIRES_AT, &argument("{}")).await.unwrap();
    plugin.finish().await;
}

#[tokio::test]
async fn what_comes_back_is_the_same_each_time() {
    let plugin = Plugin::start().await;
    let claims = argument(r#"{"b":1,"a":{"d":[],"c":"x"},"exp":1}"#);
    for name in [CLAIMS, EXPIRES_AT] {
        let first = plugin.call_function(name, &claims).await.unwrap();
        for _ in 0..20 {
            assert_eq!(plugin.call_function(name, &claims).await.unwrap(), first);
        }
    }
    plugin.finish().await;
}

#[tokio::test]
async fn each_function_describes_itself_and_says_that_nothing_is_verified() {
    let plugin = Plugin::start().await;
    let asked = plugin.provider().get_functions(get_functions::Request {}).await.unwrap().into_inner();
    assert_eq!(asked.functions, schema::all().await.functions);
    let mut names: Vec<&String> = asked.functions.keys().collect();
    names.sort_unstable();
    assert_eq!(names, [CLAIMS, EXPIRES_AT]);
    for (name, Function { parameters, r#return, summary, description, .. }) in &asked.functions {
        assert!(description.contains("Nothing is verified") && !summary.is_empty(), "{name}");
        let result = if name == CLAIMS { &b"\"dynamic\""[..] } else { b"\"string\"" };
        assert_eq!(r#return.as_ref().unwrap().r#type, result);
        let [token] = &parameters[..] else { panic!("{name} has one parameter") };
        assert_eq!((token.name.as_str(), &token.r#type[..]), ("token", &b"\"string\""[..]));
        assert!(!token.description.is_empty() && !token.allow_null_value && !token.allow_unknown_values);
    }
    plugin.finish().await;
}
