import re

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient
from pipeline_kit import Service, client

from josefine_gateway.console import Pipeline, console_routes
from josefine_gateway.console.page import INDEX, packaged_assets


def refuse():
    raise HTTPException(401)


def served(dependencies=()):
    app = FastAPI()
    pipeline = Pipeline({"nlu": "http://one"}, client({"one": Service("nlu")}))
    app.include_router(console_routes(pipeline, dependencies))
    return TestClient(app)


def test_page_is_served_with_headers_that_let_nothing_foreign_in():
    page = served().get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


def test_a_browser_that_has_the_file_is_told_so():
    page = served().get("/console/static/main.js")
    assert page.headers["cache-control"] == "no-cache"
    for tag in (page.headers["etag"], f"W/{page.headers['etag']}", f'"other", {page.headers["etag"]}', "*"):
        again = served().get("/console/static/main.js", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == page.headers["etag"]
    assert served().get("/console/static/main.js", headers={"If-None-Match": '"other"'}).status_code == 200


def test_head_has_no_body():
    answer = served().head("/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["nothing.js", "../page.py", "%2e%2e/page.py", "__init__.py", ""])
def test_nothing_else_is_served(path):
    assert served().get(f"/console/static/{path}").status_code == 404


def test_every_file_that_a_file_names_is_packaged_and_none_is_foreign():
    assets = packaged_assets()
    texts = {name: asset.body.decode() for name, asset in assets.items()}
    named = set(re.findall(r'(?:src|href)="console/static/([^"]+)"', texts[INDEX]))
    for text in texts.values():
        named |= set(re.findall(r'from "\./([^"]+)"', text)) | set(re.findall(r'URL\("\./([^"]+)"', text))
    assert named == set(assets) - {INDEX}
    for name, text in texts.items():
        foreign = set(re.findall(r"https?://[^\s\"'<>]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not foreign, name
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", texts[INDEX])


def test_pipeline_is_for_whom_the_gateway_lets_in():
    assert served().get("/console/pipeline").json()["stages"][0]["name"] == "nlu"
    refused = served([Depends(refuse)])
    assert refused.get("/console/pipeline").status_code == 401
    assert refused.get("/").status_code == 200
