//! The pictures of a flow: read and held to their limits before a callee sees them.

use std::collections::BTreeMap;

use callcore::flow::Severity;
use callcore::language::nearest;

use super::Finding;
use crate::media::picture::Clip;

/// Clips and stills by the path that the flow names.
pub type Pictures = BTreeMap<String, Clip>;

/// A picture and the file that it was read from.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) clip: Clip,
    pub(super) file: Vec<u8>,
}

/// The picture in a file, or what there is to say about it; `others` are the files that lie around.
pub(super) fn judged(
    path: &str,
    bytes: Result<Option<Vec<u8>>, String>,
    others: impl FnOnce() -> Vec<String>,
) -> Result<Picture, Finding> {
    let error = |message: String, hint: String| (Severity::Error, message, hint);
    let file = match bytes {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            let others = others();
            let hint = match nearest(path, others.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "paths start at the folder the flow lies in".to_owned(),
            };
            return Err(error(format!("there is no picture `{path}`"), hint));
        }
        Err(reason) => return Err(error(reason, "make the file readable, or name another".to_owned())),
    };
    match Clip::read(&file) {
        Ok(clip) => Ok(Picture { clip, file }),
        Err(bad) => {
            let (what, todo) = bad.told();
            Err(error(format!("`{path}` cannot be shown: {what}"), todo))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};
    use std::path::Path;

    use callcore::flow::Diagnostic;

    use super::super::{Bundle, Check, Refused, check_file, keeping};

    const SHOWS: &str = "flow: shows\nstart: a\nscenes:\n  a:\n    - show: pictures/menu.webp\n    - show: none\n    - hangup\n";

    /// A still of so many pixels, as far as it is read here.
    fn still(width: u16, height: u16) -> Vec<u8> {
        let mut vp8 = vec![0x10, 0, 0, 0x9d, 0x01, 0x2a];
        vp8.extend(width.to_le_bytes());
        vp8.extend(height.to_le_bytes());
        let mut file = b"RIFF\x16\0\0\0WEBPVP8 ".to_vec();
        file.extend((vp8.len() as u32).to_le_bytes());
        file.extend(vp8);
        file
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn checked(files: &[(&str, &[u8])]) -> Result<super::super::Usable, Refused> {
        Bundle::read(&zipped(files), &Check::default())?.check(&Check::default())
    }

    fn found(files: &[(&str, &[u8])]) -> Vec<Diagnostic> {
        match checked(files) {
            Err(Refused::Flow(found)) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pictures_travel_with_their_flow_and_count_for_its_version() {
        let of = |width| checked(&[("s.yaml", SHOWS.as_bytes()), ("pictures/menu.webp", &still(width, 360))]);
        let (one, two) = (of(640).unwrap(), of(320).unwrap());
        assert_ne!(one.digest, two.digest);
        assert_eq!(one.files().collect::<Vec<_>>(), ["pictures/menu.webp"]);
        let root = tempfile::tempdir().unwrap();
        keeping::keep(root.path(), &one).unwrap();
        let kept = keeping::load(root.path(), "shows", &one.digest).unwrap();
        assert_eq!(kept.pictures["pictures/menu.webp"].width(), 640);
        let file = root.path().join(&one.digest).join("pictures/menu.webp");
        assert_eq!(std::fs::read(&file).unwrap(), still(640, 360));
        std::fs::write(&file, still(320, 360)).unwrap();
        let error = keeping::load(root.path(), "shows", &one.digest).unwrap_err().to_string();
        assert!(error.contains("its files were changed"), "{error}");
    }

    #[test]
    fn a_picture_that_is_not_there_is_found_where_it_is_named_with_the_nearest_that_is() {
        let flow = ("s.yaml", SHOWS.as_bytes());
        let found = found(&[flow, ("pictures/menu1.webp", &still(640, 360))]);
        let [finding] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((finding.line, finding.column), (5, 13));
        assert!(finding.message.contains("there is no picture `pictures/menu.webp`"), "{finding}");
        assert_eq!(finding.hint.as_deref(), Some("did you mean `pictures/menu1.webp`?"));
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        std::fs::create_dir(folder.path().join("pictures")).unwrap();
        write("s.yaml", SHOWS.as_bytes());
        write("pictures/menus.webp", &still(640, 360));
        let check = || check_file(&folder.path().join(Path::new("s.yaml"))).unwrap();
        assert_eq!(check().diagnostics[0].hint.as_deref(), Some("did you mean `pictures/menus.webp`?"));
        write("pictures/menu.webp", &still(640, 360));
        assert!(check().stored.is_some_and(|stored| stored.pictures.len() == 1));
    }

    #[test]
    fn a_picture_that_cannot_be_shown_says_why_and_what_to_do() {
        let found = found(&[("s.yaml", SHOWS.as_bytes()), ("pictures/menu.webp", b"\x89PNG\r\n")]);
        let [finding] = found.as_slice() else { panic!("{found:?}") };
        assert!(
            finding.message.contains("cannot be shown: it is a PNG, and stills are lossy WebP"),
            "{finding}"
        );
        assert!(finding.hint.as_deref().is_some_and(|hint| hint.contains("cwebp -q 80")), "{finding}");
    }

    #[test]
    fn the_pictures_of_called_flows_are_needed_too() {
        let main = b"flow: main\nstart: a\nscenes: { a: [ { call: { flow: shows } }, hangup ] }\n";
        let shows = SHOWS.replace("    - hangup\n", "    - return\n");
        let files: [(&str, &[u8]); 2] = [("main.yaml", main), ("shows.yaml", shows.as_bytes())];
        let missing = found(&files);
        assert!(missing[0].message.ends_with("which the called flow `shows` shows"), "{missing:?}");
        let with: Vec<(&str, &[u8])> = files.into_iter().collect();
        let picture = still(640, 360);
        let all = [with.as_slice(), &[("pictures/menu.webp", picture.as_slice())]].concat();
        assert_eq!(checked(&all).unwrap().pictures().len(), 1);
    }
}
