"""`fer demo`: a page on this machine, for this machine alone, that names the faces of one picture."""

import base64
import html
import os
import tempfile
import time
from functools import partial
from pathlib import Path

from packaging.version import Version

from fer_utils import CourseError, brief
from fer_utils.lessons import as_network
from fer_utils.photos import Network, in_words, name_faces, shipped
from fer_utils.support.archives import open_file
from fer_utils.support.files import read_json
from fer_utils.support.images import read_photo
from fer_utils.tools.predict import NO_FACE, SHIPPED, how_sure, own, picture
from fer_utils.weights import WEIGHTS

try:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import, which would report itself
    import gradio
except ImportError:
    gradio = None

HERE = "127.0.0.1"
WELCOME = """# Which expression does the network see?
Give it a picture, from a file or from the camera. It stays on this machine: the page sends nothing to any other, and
the picture is deleted once it is answered."""
SOFTMAX = """**What the bars are not.** They are a *softmax*: shares among the words that the network knows, made so
that they add up to 1. It has no word for anything else, so a cat that is taken for a face gets its shares too.
- A bar is not the probability of being right. If confidence was calibrated, then on images of {source} alone;
  how well that holds on your picture is not known.
- An expression is not a feeling. People scowl when they think, and smile when they are embarrassed. The answer is a
  guess at the word that such an image is labelled with, and no diagnosis of anyone.
- Judge nobody by it, and give it no picture of anyone who has not agreed."""
SEEN = "The picture with a numbered box around each face, and beside it each face with its bars"
STYLE = """
#answer, #answer * {padding: 0 !important}
#answer img {width: 100%; box-sizing: border-box; padding: 12px !important; background: white; border-radius: 4px}
#answer p {margin: 0 0 8px; font-weight: 600}
"""


def demo(port: int | None, training: str | None) -> None:
    """Serve the page until it is interrupted. CourseError without gradio, or where the port is not free."""
    if gradio is None or Version(gradio.__version__) < Version("6"):
        raise CourseError('`fer demo` needs gradio 6 or newer: install it by `pip install "gradio>=6"`.')
    network, card = asked(training)
    with tempfile.TemporaryDirectory() as uploads:
        os.environ |= {"GRADIO_TEMP_DIR": uploads, "no_proxy": HERE}
        page = page_of(network, card)
        try:
            page.launch(server_name=HERE, server_port=port, share=False, quiet=True, prevent_thread_lock=True,
                        ssr_mode=False, run_history=False, footer_links=[], css=STYLE,
                        theme=gradio.themes.Default(primary_hue="blue", font=["system-ui", "sans-serif"],
                                                    font_mono=["ui-monospace", "monospace"]))
        except (OSError, OverflowError) as error:
            raise CourseError(f"Port {port or 7860} cannot be used ({brief(error)}): give another, "
                              "as `fer demo --port 8765`.") from error
        try:
            print(f"Open http://{HERE}:{page.server_port} in a browser on this machine. Ctrl-C ends it.", flush=True)
            while True:
                time.sleep(1)
        finally:
            page.close(verbose=False)


def asked(training: str | None) -> tuple[Network, dict]:
    """The network to ask, and its card: the scores, and the source of the faces that it learnt from."""
    if not training:
        return shipped(SHIPPED), {"source": "FER2013", **read_json(WEIGHTS / f"{SHIPPED}.json")}
    run, kept = own(training)
    network, source = as_network(run, kept), run.read().get("source", "faces of its own")
    return network, {"source": source, **(run.read_metrics("evaluation") or {}).get(kept.name, {})}


def page_of(network: Network, card: dict) -> "gradio.Blocks":
    """The page: a picture to give, the network's card beside it, and below the answer and what it is worth."""
    with gradio.Blocks(title="Which expression?", analytics_enabled=False, delete_cache=(60, 60)) as page:
        gradio.Markdown(WELCOME)
        with gradio.Row():
            upload = gradio.Image(label="Your picture", type="filepath", sources=["upload", "webcam"], buttons=[],
                                  placeholder="Drop a picture here, or click to choose one", height=280, min_width=300)
            gradio.Markdown(in_short(network, card))
        seen = gradio.HTML(elem_id="answer", padding=False)
        gradio.Markdown(SOFTMAX.format(source=card["source"]))
        hidden = {"preprocess": False, "api_visibility": "private"}
        upload.change(partial(answer, network), upload, seen, **hidden).then(forget, upload, **hidden)
    return page


def in_short(network: Network, card: dict) -> str:
    """The network's card in a few sentences."""
    said = [f"**The network.** {network.name} answers with one of {', '.join(network.classes)}.",
            f"It was trained on {card.get('trained_on', card['source'])}."]
    if "accuracy" in card:
        right, low, high = (f"{100 * share:.1f}&nbsp;%" for share in (card["accuracy"], *card["accuracy_ci"]))
        said += [f"Of {card['n']:,} images that it had not learnt from, it named {right} as their labels do",
                 f"(95&nbsp;% interval: {low} to {high})."]
    return " ".join([*said, f"\n\n**Its confidence:** {how_sure(network)}. Notebook 05 explains these words."])


def answer(network: Network, upload: dict | None) -> str:
    """What the page shows, as HTML: the picture with boxes and bars, or the sentence on what is wrong with it."""
    if upload is None:
        return ""
    try:
        photo, _ = read_photo(partial(open_file, upload["path"]), upload["orig_name"] or "The picture")
        squares, images, probabilities = name_faces(network, photo)
    except CourseError as error:
        return f'<p role="alert">{html.escape(str(error))}</p>'
    if not squares:
        return f'<p role="status">{NO_FACE.capitalize()}.</p>'
    said = html.escape("; ".join(f"{i}: {in_words(network, shares)}" for i, shares in enumerate(probabilities, 1)))
    png = base64.b64encode(picture(network, photo, squares, images, probabilities)).decode()
    return f'<p role="status">{said}</p><img src="data:image/png;base64,{png}" alt="{SEEN}">'


def forget(upload: dict | None) -> None:
    """Delete what was uploaded."""
    if upload is not None:
        Path(upload["path"]).unlink(missing_ok=True)
