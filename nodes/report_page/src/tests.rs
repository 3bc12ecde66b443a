//! Whole pages, from names that mean harm and figures that are none.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{Align, Bar, Headline, Page, Picture, Plot, Section, Share, Table, Tone};

const HOSTILE: &str = r#"</title></style><script src="https://evil.example/x.js">'"&"#;

fn headline(text: &str) -> Headline {
    Headline {
        figure: text.to_owned(),
        meaning: text.to_owned(),
        tone: Tone::Good,
        share: Some(Share {
            value: 0.5,
            interval: Some([f64::NAN, 7.0]),
        }),
    }
}

/// A page that has `text` wherever text can be put.
fn page(text: &str) -> String {
    let mut table = Table::new(&[(text, Align::Left), ("n", Align::Right)]);
    table.row([text.to_owned(), "1".to_owned()]);
    let picture = Picture::from_rgb(&[90; 6 * 4 * 3], 6, 4, 3).unwrap();
    let plot = Plot::new(text, (text, 0.0..1.0), (text, 0.0..1.0)).dots([[0.5, 0.5]], Tone::Bad);
    let section = Section::new(text)
        .heading(text)
        .text(text)
        .list(&[text.to_owned()])
        .facts([(text, text)])
        .code(text)
        .table(&table)
        .bars([text, text], &[Bar::new(text, 0.5, text).figure(text)])
        .plots(&[plot])
        .pictures(&[(&picture, text)]);
    Page::new(text, headline(text))
        .section(section)
        .section(Section::folded(text))
        .to_html()
}

#[test]
fn text_stays_text_wherever_it_is_put() {
    let html = page(HOSTILE);
    assert!(!html.contains("<script"), "{html}");
    assert_eq!(html.matches("</title>").count(), 1);
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(html.contains("&lt;script src="));
    // In attributes, quotes end nothing.
    assert!(!html.contains(r#"x.js">"#) && !html.contains(r#"alt="</title>"#));
    // The same elements as of a harmless text: it has made none of its own.
    let elements = |html: &str| {
        html.split('<')
            .skip(1)
            .map(|rest| rest.split([' ', '>']).next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(elements(&html), elements(&page("mug")));
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let html = page("mug");
    assert!(
        !html.contains("http:") && !html.contains("https:"),
        "{html}"
    );
    for loading in [
        "url(", "@import", "<link", "<script", "<iframe", "<object", "srcset",
    ] {
        assert!(!html.contains(loading), "{loading}");
    }
    for source in html.split(" src=\"").skip(1) {
        assert!(source.starts_with("data:image/"), "{source}");
    }
    let policy = html
        .split("Content-Security-Policy\" content=\"")
        .nth(1)
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'; img-src data:;"),
        "{policy}"
    );
}

#[test]
fn pictures_of_the_page_decode_to_what_they_were() {
    // Left half red, right half blue.
    let rgb: Vec<u8> = (0..64 * 32)
        .flat_map(|at| {
            if at % 64 < 32 {
                [250, 10, 10]
            } else {
                [10, 10, 250]
            }
        })
        .collect();
    let picture = Picture::from_rgb(&rgb, 64, 32, 32).unwrap();
    assert_eq!(picture.size(), [32, 16]);
    let html = Page::new("", headline(""))
        .section(Section::new("").pictures(&[(&picture, "two halves")]))
        .to_html();
    let data = html.split("data:image/jpeg;base64,").nth(1).unwrap();
    let bytes = BASE64_STANDARD
        .decode(data.split('"').next().unwrap())
        .unwrap();
    let decoded = image::load_from_memory(&bytes).unwrap().to_rgb8();
    assert_eq!(decoded.dimensions(), (32, 16));
    let near = |x: u32, wanted: [u8; 3]| {
        let pixel = decoded.get_pixel(x, 8).0;
        let off = pixel.iter().zip(wanted).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off < Some(25), "{pixel:?} is not {wanted:?}");
    };
    near(6, [250, 10, 10]);
    near(26, [10, 10, 250]);
    assert!(html.contains(r#"alt="two halves""#));
}

#[test]
fn bytes_that_are_no_picture_are_refused() {
    for (bytes, width, height) in [(5, 2, 1), (0, 0, 0), (7, 2, 1), (12, u32::MAX, u32::MAX)] {
        let error = Picture::from_rgb(&vec![0; bytes], width, height, 10).unwrap_err();
        assert!(error.to_string().contains("picture"), "{error}");
    }
    // Very wide ones keep a row.
    let flat = Picture::from_rgb(&[0; 3000], 1000, 1, 10).unwrap();
    assert_eq!(flat.size(), [10, 1]);
}

#[test]
fn plots_take_any_numbers() {
    let odd = [
        0.0,
        -1.0,
        1e-300,
        1e300,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        5.0,
    ];
    for start in odd {
        for end in odd {
            let points = || odd.into_iter().map(|y| [start, y]);
            let plot = Plot::new("", ("", start..end), ("", end..start))
                .line(points(), Tone::Ink)
                .dots(points(), Tone::Quiet)
                .segments([[[start, end], [end, start]]], Tone::Bad)
                .boxes([[[start, end], [end, start]]], Tone::Good);
            for plot in [plot.clone(), plot.clone().to_scale(), plot.logarithmic_x()] {
                let html = Page::new("", headline(""))
                    .section(Section::new("").plots(&[plot]))
                    .to_html();
                assert!(html.contains("<polyline"), "{start} {end}");
                assert!(!html.contains("NaN"), "{start} {end}: {html}");
            }
        }
    }
}

#[test]
fn axes_are_labelled_with_round_numbers() {
    let html = |plot: Plot| {
        let html = Page::new("", headline(""))
            .section(Section::new("").plots(&[plot]))
            .to_html();
        html.split("<text")
            .skip(1)
            .map(|text| {
                let text = text.split_once('>').unwrap().1;
                text.split('<').next().unwrap().trim().to_owned()
            })
            .collect::<Vec<_>>()
    };
    let linear = html(Plot::new("", ("x", 0.0..100.0), ("y", 0.0..0.03)));
    for wanted in ["x", "y", "0", "20", "100", "0.01"] {
        assert!(
            linear.iter().any(|text| text == wanted),
            "{wanted}: {linear:?}"
        );
    }
    let wide = html(Plot::new("", ("x", 0.01..1000.0), ("y", 0.0..1.0)).logarithmic_x());
    for wanted in ["0.01", "0.1", "1", "1000"] {
        assert!(wide.iter().any(|text| text == wanted), "{wanted}: {wide:?}");
    }
    let narrow = html(Plot::new("", ("x", 2.0..30.0), ("y", 0.0..1.0)).logarithmic_x());
    for wanted in ["2", "5", "10", "20"] {
        assert!(
            narrow.iter().any(|text| text == wanted),
            "{wanted}: {narrow:?}"
        );
    }
}

#[test]
fn every_colour_of_a_plot_follows_the_screen() {
    let html = page("mug");
    let drawn = html.split("<svg").skip(1);
    for colour in drawn.flat_map(|svg| svg.split(['"', ' ']).filter(|part| part.starts_with('#'))) {
        assert!(
            html.contains(&format!("[fill=\"{colour}\"]{{fill:var(--")),
            "{colour}"
        );
    }
}
