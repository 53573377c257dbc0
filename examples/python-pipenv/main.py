import os

from bottle import route, run


@route("/")
def index():
    return "Hello from Pipenv\n"


@route("/greet/<name>")
def greet(name):
    return {"greeting": f"Hello, {name}"}


run(host="0.0.0.0", port=int(os.environ.get("PORT", "3000")))
