from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/")
def index():
    return "Hello from Flask\n"


@app.get("/greet/<name>")
def greet(name):
    return jsonify(greeting=f"Hello, {name}")
