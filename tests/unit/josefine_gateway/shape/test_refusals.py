from deepgram.types.error_response_legacy_error import ErrorResponseLegacyError

from josefine_gateway.shape import errors


def test_legacy_bodies():
    body = errors.legacy(401, "Invalid credentials.", "r")

    ErrorResponseLegacyError.model_validate(body)
    assert body == {"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": "r"}
    assert errors.legacy(410, "over", "r")["err_code"] == "GONE"
    assert errors.legacy(400, "no", "r", code="RESUME_REFUSED")["err_code"] == "RESUME_REFUSED"


def test_openai_bodies():
    assert errors.openai(400, "no", param="model")["error"] == {
        "message": "no",
        "type": "invalid_request_error",
        "param": "model",
        "code": None,
    }
    assert errors.openai(503, "no")["error"]["type"] == "server_error"
