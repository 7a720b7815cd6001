"""Sphinx's settings for the website; labkit.site.build puts the pages beside this file and runs it."""

import os

project = html_title = "Privacy labs"
author = copyright = ""
html_copy_source = html_show_sourcelink = False
html_show_search_summary = False  # it would fetch pages, which a browser refuses to pages from disk
html_show_copyright = html_show_sphinx = False
extensions = ["myst_nb", "sphinx_copybutton"]
exclude_patterns = ["README.md"]

nb_execution_mode = "off"  # the notebooks are executed copies
nb_ipywidgets_js = {}  # no require.js: frames stand for the widgets
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath", "amsmath", "html_image"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "myst.xref_missing"]

# One local file; and formulas inside <details>, which is raw HTML to Markdown, are left to it as well.
mathjax_path = "mathjax/tex-svg.js"
mathjax3_config = {"tex": {"inlineMath": [["\\(", "\\)"], ["$", "$"]]},
                   "options": {"processHtmlClass": "tex2jax_process|mathjax_process|math|output_area|bd-article",
                               "enableMenu": False}}
myst_update_mathjax = False

html_theme = "sphinx_book_theme"
html_theme_options = {
    "use_download_button": False,  # each lab has its own buttons below its title
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "navbar_persistent": [],  # one search field is enough
    "home_page_in_toc": True,
    "navigation_with_keys": False,  # arrow keys belong to the sliders
    "extra_footer": '<p>No cookies, no tracking, no request to another server: '
                    '<a href="privacy.html">privacy of this site</a>.</p>',
}
html_static_path = ["_static"]
html_css_files = ["frames.css"]
html_js_files = [("frames.js", {"defer": "defer"})]
html_extra_path = [os.environ["LABKIT_SITE_EXTRA"]]
