//! `find`: names that fit.

use super::User;

/// Words anywhere, patterns in the last part or in all of the name, over several pages; what is not there is exit 3 and a bad
/// pattern 2.
#[test]
fn patterns() {
    let user = User::new();
    let many = (0..2_200).map(|number| format!("find/many/{:02}/{number:04}.findme", number % 50));
    let few =
        ["find/x/Rome.findjpg", "find/x/y/rome-1.findjpg", "find/rome-2.findjpg/z", "find/empty.findjpg/"];
    user.fill(many.chain(few.map(str::to_owned)));
    let find = |pattern: &str| user.names(&["find", pattern]);
    assert_eq!(find("*.findme").len(), 2_200);
    assert_eq!(find("find/many/07/*").len(), 44);
    assert_eq!(find("find/many/**/00[0-2]?.findme").len(), 30);
    assert_eq!(find("*.findjpg"), ["find/empty.findjpg/", "find/x/Rome.findjpg", "find/x/y/rome-1.findjpg"]);
    assert_eq!(find("find/*/*.findjpg"), ["find/x/Rome.findjpg"]);
    assert_eq!(find("**/rome-?.findjpg"), ["find/x/y/rome-1.findjpg"]);
    assert_eq!(find("rome-2.findjpg"), ["find/rome-2.findjpg/z"]);
    let json = user.run(&["find", "--json", "*.findjpg"]).ok().json();
    assert_eq!((&json[0]["folder"], &json[1]["size"]), (&"find/empty.findjpg/".into(), &10.into()));
    user.run(&["find", "find/*.findjpg/nothing"]).fails(3, "find/*.findjpg/nothing");
    user.run(&["find", "find/[x"]).fails(2, "at character 6");
}
